"""Stages: their parameters, the canvas that passes through them, the three kinds, and regions."""

from .base import Stage, check_mask, check_result
from .canvas import Canvas, Style
from .current import Memory, once, remembering, watching
from .parameters import Declared, Parameter, param
from .postprocessor import Postprocessor
from .preprocessor import Preprocessor
from .regions import aligned, blend, composite, region_maps, speaks, window
from .stylizer import Stylizer

__all__ = [
    "Canvas",
    "Declared",
    "Memory",
    "Parameter",
    "Postprocessor",
    "Preprocessor",
    "Stage",
    "Style",
    "Stylizer",
    "aligned",
    "blend",
    "check_mask",
    "check_result",
    "composite",
    "once",
    "param",
    "region_maps",
    "remembering",
    "speaks",
    "watching",
    "window",
]
