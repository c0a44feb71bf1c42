"""`.cube` files, in which programs of film and video exchange look-up tables of colours."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..errors import PictureError
from ..files import local_path, write_atomically
from ..functional.lut import Cube

LONGEST_CURVE = 65536
LARGEST_TABLE = 129
MOST_BYTES = 1 << 28
"""A table of 129 entries a side, thirteen digits each, has half as many."""
TITLE, CURVE, TABLE = "TITLE", "LUT_1D_SIZE", "LUT_3D_SIZE"
CORNERS = ("DOMAIN_MIN", "DOMAIN_MAX")


def read_cube(path: str | os.PathLike[str]) -> Cube:
    """Return the table of a `.cube` file (Cube LUT Specification 1.0, Adobe 2013).

    Args:
        path: of the file.

    Raises:
        PictureError: it is no such file: what is wrong, in which line.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from impasto.picture import read_cube
        >>> file = Path(tempfile.mkdtemp(), "dark.cube")
        >>> file.write_text("LUT_1D_SIZE 2\\n0 0 0\\n0.5 0.5 0.5\\n")
        32
        >>> read_cube(file).table.shape
        torch.Size([2, 3])
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


def _refused(file: Path, found: str, works: str) -> PictureError:
    return PictureError(f"{file}: is no table of colours: {found}\n  what would work: {works}")


def write_cube(cube: Cube, path: str | os.PathLike[str]) -> None:
    """Write a table to a `.cube` file, whole or not at all.

    Args:
        cube: the table.
        path: of the file; one that is there is replaced.

    Raises:
        OSError: it could not be written.

    Example:
        >>> import tempfile, torch
        >>> from impasto.functional.lut import Cube
        >>> from impasto.picture import read_cube, write_cube
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
