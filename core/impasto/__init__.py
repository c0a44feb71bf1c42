"""Impasto: image style transfer by plugins, chained into pipelines."""

from . import samples, statistics
from .encoders import Encoder, encoder
from .hookspecs import hookimpl
from .host import Host, PluginError, host
from .notebook import Live, compare, show, sweep, tune
from .picture import Picture, PictureError, read
from .pipeline import Pipeline
from .stage import (
    Canvas,
    ParameterError,
    Postprocessor,
    Preprocessor,
    Stage,
    StageError,
    Style,
    Stylizer,
    param,
)
from .weights import Weights, WeightsError

__version__ = "0.1.0"

__all__ = [
    "Canvas",
    "Encoder",
    "Host",
    "Live",
    "ParameterError",
    "Picture",
    "PictureError",
    "Pipeline",
    "PluginError",
    "Postprocessor",
    "Preprocessor",
    "Stage",
    "StageError",
    "Style",
    "Stylizer",
    "Weights",
    "WeightsError",
    "compare",
    "encoder",
    "hookimpl",
    "host",
    "param",
    "read",
    "samples",
    "show",
    "statistics",
    "sweep",
    "tune",
]
