"""Pipelines: stages in order, as a value; run, saved as TOML, and fed with frames."""

from .blank import own_canvas_size
from .loading import LoadedRecipe, check_untrusted, load_recipe
from .masks import read_guides, read_mask
from .named_files import check_apart, check_named_files
from .options import RunKeywords, RunOptions
from .parsing import parse_stages, parse_value, parse_watchers
from .pipeline import Pipeline
from .progress import ProgressBar
from .run import Run

__all__ = [
    "LoadedRecipe",
    "Pipeline",
    "ProgressBar",
    "Run",
    "RunKeywords",
    "RunOptions",
    "check_apart",
    "check_named_files",
    "check_untrusted",
    "load_recipe",
    "own_canvas_size",
    "parse_stages",
    "parse_value",
    "parse_watchers",
    "read_guides",
    "read_mask",
]
