"""Stages: their parameters, the canvas that passes through them, the three kinds, and regions."""

from .base import Stage, check_mask, check_result
from .canvas import Canvas, Style
from .context import RunContext, StreamMemo, current_run, remember
from .parameters import Declared, Parameter, param
from .postprocessor import Postprocessor
from .preprocessor import Preprocessor
from .regions import align_styles, bounding_box, composite, covers, region_maps
from .stylizer import Stylizer

__all__ = [
    "Canvas",
    "Declared",
    "Parameter",
    "Postprocessor",
    "Preprocessor",
    "RunContext",
    "Stage",
    "StreamMemo",
    "Style",
    "Stylizer",
    "align_styles",
    "bounding_box",
    "check_mask",
    "check_result",
    "composite",
    "covers",
    "current_run",
    "param",
    "region_maps",
    "remember",
]
