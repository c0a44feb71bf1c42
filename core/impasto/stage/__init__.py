"""Stages: their parameters, the canvas that passes through them, the three kinds, and regions."""

from .base import Stage, check_mask, check_result
from .batch_styles import style_of_picture, styles_with_weight
from .canvas import Canvas, Style, style_image
from .checkpoint import CHECKPOINT_EVERY, Checkpoint, digest, run_identity
from .context import RunContext, StreamMemo, current_run, remember
from .controls import Control, plain_value, preset_values
from .declared import Declared
from .fingerprint import differences, identity
from .interruption import interruptible
from .looks import Look, read_looks
from .memory import check_memory
from .parameters import Parameter, param
from .postprocessor import Postprocessor
from .preprocessor import Preprocessor
from .presets import Preset
from .regions import (
    Region,
    align_styles,
    bounding_box,
    check_coverage,
    composite,
    covered_regions,
    covers,
    pictures_of,
    region_maps,
)
from .scaling import painted_at_scale, resized_style, resized_styles
from .size_changes import Box, SizeChange, change_size
from .stream_frame import Frame, PreviousFrame
from .stylizer import Stylizer
from .synthesis import TextureSynthesis
from .watcher import Watcher

__all__ = [
    "CHECKPOINT_EVERY",
    "Box",
    "Canvas",
    "Checkpoint",
    "Control",
    "Declared",
    "Frame",
    "Look",
    "Parameter",
    "Postprocessor",
    "Preprocessor",
    "Preset",
    "PreviousFrame",
    "Region",
    "RunContext",
    "SizeChange",
    "Stage",
    "StreamMemo",
    "Style",
    "Stylizer",
    "TextureSynthesis",
    "Watcher",
    "align_styles",
    "bounding_box",
    "change_size",
    "check_coverage",
    "check_mask",
    "check_memory",
    "check_result",
    "composite",
    "covered_regions",
    "covers",
    "current_run",
    "differences",
    "digest",
    "identity",
    "interruptible",
    "painted_at_scale",
    "param",
    "pictures_of",
    "plain_value",
    "preset_values",
    "read_looks",
    "region_maps",
    "remember",
    "resized_style",
    "resized_styles",
    "run_identity",
    "style_image",
    "style_of_picture",
    "styles_with_weight",
]
