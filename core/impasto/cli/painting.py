"""What the commands that paint share: styles read, a recipe's settings, a progress bar, a line about it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from ..picture import MAX_PIXELS, read
from ..pipeline import Pipeline, ProgressBar, load_recipe
from ..stage import Style
from .arguments import StyleArgument


def max_pixels(given: argparse.Namespace) -> int:
    """Return the largest picture to read, in pixels."""
    return given.max_pixels or MAX_PIXELS


def read_styles(arguments: Iterable[StyleArgument], limit: int) -> list[Style]:
    """Return the styles that the arguments name, of at most `limit` pixels each."""
    return [
        Style(read(argument.file, max_pixels=limit).tensor, argument.weight, region=argument.region)
        for argument in arguments
    ]


def progress_bar() -> ProgressBar:
    """Return the bar of iterative stages, which is seen where standard error is a terminal."""
    return ProgressBar(sys.stderr.isatty())


def read_pipeline(given: argparse.Namespace) -> tuple[Pipeline, int, Any]:
    """Return the pipeline that `impasto run` was given, with seed and precision: as typed, else as it was made with.

    Raises:
        RecipeError: a stranger's recipe asks for a file or a download that was not allowed.
    """
    recipe = load_recipe(given.pipeline, allow=given.allow, untrusted=given.untrusted)
    seed = recipe.seed if given.seed is None else given.seed
    return Pipeline(*recipe.stages), seed, given.precision or recipe.precision


def stage_names(pipeline: Pipeline) -> str:
    """Return the names of a pipeline's stages on one line."""
    return " → ".join(stage.name for stage in pipeline.stages) or "no stages"


def elapsed(began: float) -> str:
    """Return how long ago something began: `3.2 s`."""
    return f"{time.perf_counter() - began:.1f} s"
