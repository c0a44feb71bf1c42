"""Colour grades from .cube files, as photographers and film editors exchange them."""

import functools
from typing import NamedTuple

import torch

import impasto
from impasto.files import local_path


class Lut(impasto.Postprocessor, name="lut"):
    """Grade the colours by a .cube file."""

    path: str = impasto.param(reads=True, help="the .cube file, with a table in three dimensions")
    amount: float = impasto.param(default=1.0, low=0, high=1, help="share of the graded picture")

    def refine(self, image, content, styles):
        path = local_path(self.path)
        cube = read_cube(path, path.stat().st_mtime_ns)
        return image.lerp(graded(image, cube), self.amount).clamp(0, 1)


class Cube(NamedTuple):
    """A table of colours (size, size, size, 3), by blue, green and red, for colours between two corners."""

    title: str
    table: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor


@functools.lru_cache(maxsize=8)
def read_cube(path, changed):
    """Return the table of a file; `changed`, when it was changed last, has it read anew."""
    title, size, corners, rows = "", 0, {"DOMAIN_MIN": [0.0] * 3, "DOMAIN_MAX": [1.0] * 3}, []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, *rest = line.split("#")[0].split() or [""]
            try:
                if word == "TITLE":
                    title = line.partition(word)[2].strip().strip('"')
                elif word == "LUT_3D_SIZE":
                    size = int(*rest)
                elif word in corners:
                    corners[word] = [float(part) for part in rest]
                elif word == "LUT_1D_SIZE":
                    raise impasto.StageError(
                        f"{path}: is a table in one dimension, a curve for each colour\n"
                        "  what would work: a .cube file with LUT_3D_SIZE"
                    )
                elif word:
                    rows.append([float(part) for part in (word, *rest)])
            except (TypeError, ValueError):
                raise impasto.StageError(
                    f"{path}: line {number} is {line.strip()[:60]!r}\n  what would work: three numbers"
                ) from None
    if not 2 <= size <= 128 or len(rows) != size**3 or any(len(row) != 3 for row in (*rows, *corners.values())):
        raise impasto.StageError(
            f"{path}: LUT_3D_SIZE {size} and {len(rows)} lines of colours\n"
            "  what would work: a size of 2 to 128, and size × size × size lines of three numbers"
        )
    low, high = (torch.tensor(corner) for corner in corners.values())
    if not bool((low < high).all()):
        raise impasto.StageError(f"{path}: DOMAIN_MIN is not below DOMAIN_MAX\n  what would work: 0 0 0 and 1 1 1")
    return Cube(title, torch.tensor(rows).view(size, size, size, 3), low, high)


def graded(image, cube):
    """Return the colours that a table has for those of an image (B, 3, H, W), trilinear between its entries."""
    last = len(cube.table) - 1
    low, high, table = (part.to(image) for part in (cube.low, cube.high, cube.table))
    place = ((image.movedim(1, -1) - low) / (high - low)).clamp(0, 1) * last
    below = place.floor().clamp(max=last - 1)
    share = place - below
    red, green, blue = below.long().unbind(-1)
    result = torch.zeros_like(place)
    for corner in range(8):
        r, g, b = corner & 1, corner >> 1 & 1, corner >> 2
        weights = (share[..., i] if up else 1 - share[..., i] for i, up in enumerate((r, g, b)))
        weight = functools.reduce(torch.mul, weights)
        result += weight[..., None] * table[blue + b, green + g, red + r]
    return result.movedim(-1, 1)


@impasto.hookimpl
def impasto_postprocessors():
    return [Lut]
