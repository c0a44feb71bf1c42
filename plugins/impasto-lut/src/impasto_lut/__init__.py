"""Looks as look-up tables of colours: applied, and written for the programs of film and video."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

import impasto
from impasto import Postprocessor, Style, param
from impasto.files import local_path

from .cube import Cube, grade, read_cube, write_cube
from .fitting import Fit, cube_of, fit_cube

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["Cube", "Fit", "Lut", "cube_of", "fit_cube", "grade", "read_cube", "write_cube"]


class Lut(Postprocessor, name="lut"):
    """Grade the colours by a .cube file, as film editors and cameras exchange them."""

    path: str = param(reads=True, help="the .cube file, with a table in one or in three dimensions")
    strength: float = param(default=1.0, low=0, high=1, help="share of the graded picture in the result")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image with the table's colours."""
        path = local_path(self.path)
        return image.lerp(grade(image, _read(str(path), path.stat().st_mtime_ns)).clamp(0, 1), self.strength)


@functools.lru_cache(maxsize=8)
def _read(path: str, changed: int) -> Cube:
    """Return the table of a file; `changed`, when it was changed last, has it read anew."""
    return read_cube(path)


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `lut`."""
    return [Lut]


@impasto.hookimpl
def impasto_commands() -> Mapping[str, Callable[[ArgumentParser], Callable[[Namespace], int | None]]]:
    """Offer `impasto lut`."""
    from .command import add_options

    return {"lut": add_options}
