"""Impasto: image style transfer by plugins, chained into pipelines."""

import os

# Read by torch at its first tensor: large ones are laid on huge pages, as NumPy lays its arrays.  On the CPU a
# picture of 1024×1024 otherwise spends a fifth of its time in the kernel, which clears pages of 4 kB one by one.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

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
