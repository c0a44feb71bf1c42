"""What the commands that paint share: styles read, a recipe's settings, a progress bar, a line about it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from ..picture import MAX_PIXELS, read
from ..pipeline import Pipeline, ProgressBar
from ..stage import Style
from .arguments import StyleArgument

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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


def recipe_settings(recipe: str, given: argparse.Namespace) -> tuple[int, Any]:
    """Return seed and precision: as the command line says, else as the recipe was made with, else 0 and "auto".

    Args:
        recipe: TOML; a pipeline that was only saved has neither.
        given: the command line.

    Raises:
        ValueError: the recipe's values do not fit.
    """
    made = tomllib.loads(recipe).get("made", {})
    seed, precision = made.get("seed", 0), made.get("precision", "auto")
    if not isinstance(seed, int) or not isinstance(precision, str):
        raise ValueError(
            f"the recipe's seed = {seed!r} or precision = {precision!r} does not fit\n  what to type: --seed 0"
        )
    return seed if given.seed is None else given.seed, given.precision or precision


def stage_names(pipeline: Pipeline) -> str:
    """Return the names of a pipeline's stages on one line."""
    return " → ".join(stage.name for stage in pipeline.stages) or "no stages"


def elapsed(began: float) -> str:
    """Return how long ago something began: `3.2 s`."""
    return f"{time.perf_counter() - began:.1f} s"
