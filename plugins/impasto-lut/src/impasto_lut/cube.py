"""Tables of colours, in `.cube` files and in memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import StageError
from impasto.files import local_path, write_atomically

LONGEST_CURVE = 65536
LARGEST_TABLE = 129
MOST_BYTES = 1 << 28
"""A table of 129 entries a side, thirteen digits each, has half as many."""
TITLE, CURVE, TABLE = "TITLE", "LUT_1D_SIZE", "LUT_3D_SIZE"
CORNERS = ("DOMAIN_MIN", "DOMAIN_MAX")


@dataclass(frozen=True, eq=False)
class Cube:
    """A look-up table of colours.

    Args:
        table: (N, N, N, 3), the colours by blue, green and red; or (N, 3), a curve for each of red, green and blue.
        low: the colour that the first entry stands for.
        high: the colour that the last one stands for.
        title: of the look.
    """

    table: Tensor
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)
    title: str = ""

    @property
    def size(self) -> int:
        """Entries a side, or of a curve."""
        return len(self.table)


def grade(image: Tensor, cube: Cube) -> Tensor:
    """Return the colours that a table has for those of an image, linear between its entries.

    Args:
        image: (B, 3, H, W); a colour outside the table's domain gets that of the nearest one inside.
        cube: the table.

    Returns:
        (B, 3, H, W), as the table has them: they may leave [0, 1].

    Example:
        >>> import torch
        >>> negative = Cube(torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]))
        >>> grade(torch.full((1, 3, 1, 1), 0.25), negative).flatten().tolist()
        [0.75, 0.75, 0.75]
    """
    low, high = (image.new_tensor(corner).view(1, 3, 1, 1) for corner in (cube.low, cube.high))
    table = cube.table.to(image)
    place = ((image - low) / (high - low)).clamp(0, 1)
    if table.ndim == 2:
        # Along a curve: a picture of one row of entries for each channel.
        position = place * (len(table) - 1)
        below = position.floor().clamp(max=len(table) - 2)
        index = below.long()
        channel = torch.arange(3, device=image.device).view(1, 3, 1, 1)
        return table[index, channel].lerp(table[index + 1, channel], position - below)
    grid = (place.movedim(1, -1) * 2 - 1)[:, None]  # red, green, blue: along the table's third, second, first side
    lattice = table.movedim(-1, 0).expand(len(image), -1, -1, -1, -1)
    return F.grid_sample(lattice, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]


def read_cube(path: str | os.PathLike[str]) -> Cube:
    """Return the table of a `.cube` file (Cube LUT Specification 1.0, Adobe 2013).

    Args:
        path: of the file.

    Raises:
        impasto.StageError: it is no such file: what is wrong, in which line.
    """
    file = local_path(path)
    if os.path.getsize(file) > MOST_BYTES:
        raise _refused(file, f"has more than {MOST_BYTES >> 20} MiB", "a table of up to 129 entries a side")
    title = ""
    sizes: dict[str, int] = {}
    corners: dict[str, tuple[float, ...]] = {"DOMAIN_MIN": (0.0,) * 3, "DOMAIN_MAX": (1.0,) * 3}
    rows: list[tuple[float, ...]] = []
    with open(file, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            word, *rest = line.partition("#")[0].split() or [""]
            if word == TITLE:
                title = line.partition(TITLE)[2].strip().strip('"')
                continue
            try:
                if word in (CURVE, TABLE):
                    (count,) = rest
                    sizes[word] = int(count)
                elif word in CORNERS:
                    corners[word] = _colour(rest)
                elif word:
                    rows.append(_colour([word, *rest]))
            except ValueError:
                raise _refused(file, f"line {number} is {line.strip()[:60]!r}", "three numbers") from None
    low, high = _three(corners["DOMAIN_MIN"]), _three(corners["DOMAIN_MAX"])
    if not all(below < above for below, above in zip(low, high, strict=True)):
        raise _refused(file, "DOMAIN_MIN is not below DOMAIN_MAX", "0 0 0 and 1 1 1")
    return Cube(_table(file, sizes, rows), low, high, title)


def _table(file: Path, sizes: dict[str, int], rows: list[tuple[float, ...]]) -> Tensor:
    if len(sizes) != 1:
        found = "both LUT_1D_SIZE and LUT_3D_SIZE" if sizes else "neither LUT_1D_SIZE nor LUT_3D_SIZE"
        raise _refused(file, f"has {found}", "one of them, before the colours")
    ((word, size),) = sizes.items()
    most, entries = (LONGEST_CURVE, size) if word == CURVE else (LARGEST_TABLE, size**3)
    if not 2 <= size <= most or len(rows) != entries:
        lines = "that many lines" if word == CURVE else "size × size × size lines"
        works = f"a size of 2 to {most}, and {lines} of three numbers"
        raise _refused(file, f"{word} {size} and {len(rows)} lines of colours", works)
    table = torch.tensor(rows)
    return table if word == CURVE else table.view(size, size, size, 3)


def _colour(words: Iterable[str]) -> tuple[float, ...]:
    numbers = tuple(float(word) for word in words)
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers


def _three(numbers: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = numbers
    return red, green, blue


def _refused(file: Path, found: str, works: str) -> StageError:
    return StageError(f"{file}: is no table of colours: {found}\n  what would work: {works}")


def write_cube(cube: Cube, path: str | os.PathLike[str]) -> None:
    """Write a table to a `.cube` file, whole or not at all.

    Args:
        cube: the table.
        path: of the file; one that is there is replaced.

    Raises:
        OSError: it could not be written.

    Example:
        >>> import tempfile
        >>> file = tempfile.mkdtemp() + "/negative.cube"
        >>> write_cube(Cube(torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]), title="Negative"), file)
        >>> read_cube(file).title
        'Negative'
    """
    text = "".join(f"{line}\n" for line in _lines(cube))
    write_atomically(local_path(path), lambda part: part.write_text(text, encoding="utf-8"))


def _lines(cube: Cube) -> Iterator[str]:
    if cube.title:
        yield f'TITLE "{" ".join(cube.title.replace(chr(34), chr(39)).split())}"'
    yield f"{CURVE if cube.table.ndim == 2 else TABLE} {cube.size}"
    for word, corner in zip(CORNERS, (cube.low, cube.high), strict=True):
        yield " ".join((word, *(f"{number:g}" for number in corner)))
    for colour in cube.table.reshape(-1, 3).tolist():
        yield "{:.6f} {:.6f} {:.6f}".format(*colour)
