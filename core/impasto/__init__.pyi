from . import (
    functional,
    host,
    networks,
    notebook,
    optim,
    picture,
    pipeline,
    samples,
    stage,
    stream,
    testing,
    training,
    weights,
)
from .errors import ImpastoDeprecationWarning, ParameterError, PictureError, PluginError, StageError, WeightsError
from .host import Host, get_host, hookimpl
from .networks import Encoder, decoder, encoder
from .notebook import Live, compare, show, sweep, tune
from .picture import Picture, read
from .pipeline import Pipeline
from .stage import Canvas, Postprocessor, Preprocessor, Preset, Stage, Style, Stylizer, Watcher, param
from .weights import Weights

__version__: str
_SETS_SPINCOUNT: bool

__all__ = [
    "Canvas",
    "Encoder",
    "Host",
    "ImpastoDeprecationWarning",
    "Live",
    "ParameterError",
    "Picture",
    "PictureError",
    "Pipeline",
    "PluginError",
    "Postprocessor",
    "Preprocessor",
    "Preset",
    "Stage",
    "StageError",
    "Style",
    "Stylizer",
    "Watcher",
    "Weights",
    "WeightsError",
    "compare",
    "decoder",
    "encoder",
    "functional",
    "get_host",
    "hookimpl",
    "host",
    "networks",
    "notebook",
    "optim",
    "param",
    "picture",
    "pipeline",
    "read",
    "samples",
    "show",
    "stage",
    "stream",
    "sweep",
    "testing",
    "training",
    "tune",
    "weights",
]
