"""Looks from .cube files."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.files import local_path
from impasto.functional.lut import Cube, grade
from impasto.picture import read_cube


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
