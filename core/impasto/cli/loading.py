"""What painting commands read: styles, the pipeline of a file, the largest picture."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..picture import read
from ..pipeline import Pipeline, load_recipe
from ..stage import Style
from .arguments import StyleArgument


def max_pixels(given: argparse.Namespace) -> int | None:
    """Return the largest picture to read, in pixels; None for what is read unasked."""
    return given.max_pixels or None


def read_styles(arguments: Iterable[StyleArgument], limit: int | None) -> list[Style]:
    """Return the styles that the arguments name, of at most `limit` pixels each."""
    return [
        Style(read(argument.file, max_pixels=limit).visible, argument.weight, region=argument.region)
        for argument in arguments
    ]


def read_pipeline(given: argparse.Namespace) -> tuple[Pipeline, int, Any]:
    """Return the pipeline that `impasto run` was given, with seed and precision: as typed, else as it was made with.

    Raises:
        RecipeError: a stranger's recipe asks for a file or a download that was not allowed.
    """
    recipe = load_recipe(given.pipeline, allow=given.allow, untrusted=given.untrusted)
    seed = recipe.seed if given.seed is None else given.seed
    return Pipeline(*recipe.stages), seed, given.precision or recipe.precision
