"""What painting commands read: styles, the pipeline of a file, the largest picture."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import PictureError
from ..picture import Picture, read
from ..pipeline import Pipeline, load_recipe
from ..stage import Style
from .arguments import StyleArgument

STANDARD = "-"
"""The name by which a command line calls standard input and standard output; a file of that name is `./-`."""
MOST_BYTES = 1 << 30
"""Bytes that are taken from standard input, which may have no end."""


def read_picture(name: str | Path, limit: int | None) -> Picture:
    """Return the picture of a file, or for `-` the one that comes in from standard input.

    Raises:
        PictureError: not a picture, damaged or too large; or nothing comes in.
    """
    if str(name) != STANDARD:
        return read(name, max_pixels=limit)
    data = standard_input("impasto paint - painting.jpg -o out.png < photo.jpg")
    try:
        return read(io.BytesIO(data), max_pixels=limit)
    except PictureError as error:
        raise PictureError(str(error).replace("the open file", "standard input", 1)) from error.__cause__


def standard_input(example: str) -> bytes:
    """Return what comes in from standard input.

    Args:
        example: a command that has something come in.

    Raises:
        PictureError: nothing does, or too much.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise PictureError(f"standard input is a terminal, and no picture comes from there\n  what to type: {example}")
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if not 0 < len(data) <= MOST_BYTES:
        found = "is empty, or read already" if not data else f"has more than {MOST_BYTES:,} bytes"
        raise PictureError(f"standard input {found}\n  what would work: one picture; others from files")
    return data


def read_styles(arguments: Iterable[StyleArgument], limit: int | None) -> list[Style]:
    """Return the styles that the arguments name, of at most `limit` pixels each."""
    return [
        Style(read_picture(argument.file, limit), argument.weight, region=argument.region)  # type: ignore[arg-type]
        for argument in arguments
    ]


def read_pipeline(given: argparse.Namespace) -> tuple[Pipeline, dict[str, Any]]:
    """Return the pipeline that `impasto run` was given, with seed, precision and size: as typed, else as it was made.

    Raises:
        ValueError: `-`.
        RecipeError: a stranger's recipe asks for a file or a download that was not allowed.
    """
    if given.pipeline == STANDARD:
        raise ValueError(
            "run: a pipeline is not read from standard input\n  what would work: a .toml file, or a painted picture"
        )
    recipe = load_recipe(given.pipeline, allow=given.allow, untrusted=given.untrusted)
    sized = given.size or given.print or given.strokes
    return Pipeline(*recipe.stages), {
        "seed": recipe.seed if given.seed is None else given.seed,
        "precision": given.precision or recipe.precision,
        "size": given.size if sized else recipe.size,
        "print": given.print or recipe.print,
        "strokes": given.strokes,
    }
