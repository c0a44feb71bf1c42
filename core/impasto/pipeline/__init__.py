"""Pipelines: stages in order, as a value; run, saved as TOML, and fed with frames."""

from .inputs import read_mask
from .pipeline import Pipeline
from .progress import ProgressBar
from .run import Run
from .text import setting

__all__ = ["Pipeline", "ProgressBar", "Run", "read_mask", "setting"]
