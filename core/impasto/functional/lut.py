"""Look-up tables of colours: what they do to a picture, and the table that does to it what was done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import StageError
from .resizing import size_of, size_text
from .solvers import conjugate_gradients

SIZES = (17, 33, 65)
"""Entries a side that the programs of film and video take."""
SHADES = 128
"""Colours closer than a hundred-and-twenty-eighth of the range are taken together: half a step of the finest table."""
MOST_PIXELS = 1 << 20
STIFFNESS = 1e-5
"""How much a bend of the table costs beside a wrong colour.  Where the picture has no colours it alone decides, and
leads on in straight lines."""
STEPS = 60
TOLERANCE = 3 / 255
"""Mean difference from which on a table is no longer what was asked for."""


@dataclass(frozen=True, eq=False)
class Cube:
    """A look-up table of colours.

    Args:
        table: (N, N, N, 3), the colours by blue, green and red; or (N, 3), a curve for each of red, green and blue.
        low: the colour that the first entry stands for.
        high: the colour that the last one stands for.
        title: of the look.

    Example:
        >>> import torch
        >>> from impasto.functional.lut import Cube
        >>> Cube(torch.zeros(17, 17, 17, 3), title="Black").size
        17
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
        >>> from impasto.functional.lut import Cube, grade
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
    # torch has no trilinear sampling on MPS.
    where = torch.device("cpu") if image.device.type == "mps" else image.device
    lattice = table.movedim(-1, 0).expand(len(image), -1, -1, -1, -1)
    found = F.grid_sample(lattice.to(where), grid.to(where), padding_mode="border", align_corners=True)
    return found[:, :, 0].to(image.device)


class Fit(NamedTuple):
    """A table, and how well it does what the picture shows.

    Example:
        >>> import impasto
        >>> from impasto.functional.lut import fit_cube
        >>> photo = impasto.samples.content("cat", 64)
        >>> cube, mean, most = fit_cube(photo, 1 - photo, 17)
        >>> mean < most < 1 / 255
        True
    """

    cube: Cube
    mean: float
    """Mean absolute difference between what the table gives and what was wanted, 0 to 1."""
    most: float
    """The same, of all but the worst hundredth of the values."""


def fit_cube(before: Tensor, after: Tensor, size: int = 33, title: str = "") -> Fit:
    """Return the table that takes the colours of one picture to those of another, place by place.

    It has the least squared error plus a penalty on second differences, so that colours which the pictures lack are
    led on to in straight lines.  It is found from coarse to fine by conjugate gradients.

    Args:
        before: (B, 3, H, W) in [0, 1].
        after: (B, 3, H, W), the same places after grading.
        size: entries a side: 17, 33 or 65.
        title: of the look.

    Raises:
        ValueError: pictures of different sizes, or a size that is none of the three.

    Example:
        >>> import impasto
        >>> from impasto.functional.lut import fit_cube
        >>> photo = impasto.samples.content("coffee", 64)
        >>> bool(fit_cube(photo, photo.sqrt()).mean < 1 / 255)
        True
    """
    if before.shape != after.shape:
        raise ValueError(
            f"the pictures are {size_text(size_of(before))} and {size_text(size_of(after))}\n"
            "  what would work: the same picture before and after, of the same size"
        )
    if size not in SIZES:
        raise ValueError(f"size={size}\n  what would work: {', '.join(map(str, SIZES))}")
    inputs, outputs = (_colours(picture) for picture in (before, after))
    table = _fitted(*_averaged(inputs, outputs), size)
    cube = Cube(table.float().clamp(0, 1), title=title)  # there are programs that take nothing else
    error = (grade(inputs.float().T[None, :, None], cube)[0, :, 0].T - outputs).abs()
    return Fit(cube, float(error.mean()), float(error.flatten().kthvalue(max(1, int(0.99 * error.numel()))).values))


def check_fit(fit: Fit, what: str, works: str) -> None:
    """Refuse a table that does not do what was asked for.

    Args:
        fit: as it came out.
        what: was asked for, first in the message.
        works: what would work, last in it.

    Raises:
        StageError: the table is wrong by more than 3/255 on the average.

    Example:
        >>> import torch
        >>> from impasto.functional.lut import Cube, Fit, check_fit
        >>> check_fit(Fit(Cube(torch.zeros(2, 3)), mean=0.001, most=0.01), "match-color", "another stage")
    """
    if fit.mean > TOLERANCE:
        raise StageError(
            f"{what}: no table of colours does this: the best is wrong by {255 * fit.mean:.1f}/255 on the average\n"
            "  why: the same colour comes out differently in different places, or neighbouring colours far apart\n"
            f"  what would work: {works}"
        )


def _colours(picture: Tensor) -> Tensor:
    """Return up to a million colours of a picture (B, 3, H, W), evenly from all of it, (N, 3)."""
    colours = picture.detach().movedim(1, -1).reshape(-1, 3).double()
    return colours[:: -(-len(colours) // MOST_PIXELS)].cpu()


def _averaged(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of colours (N, 3) that are close, before and after: a sky counts no more than a red bell."""
    cells = (inputs * SHADES).floor().clamp(0, SHADES - 1).long()
    key = (cells[:, 0] * SHADES + cells[:, 1]) * SHADES + cells[:, 2]
    _, group, count = torch.unique(key, return_inverse=True, return_counts=True)
    sums = [torch.zeros(len(count), 3, dtype=values.dtype).index_add_(0, group, values) for values in (inputs, outputs)]
    before, after = (total / count[:, None] for total in sums)
    return before, after


def _fitted(inputs: Tensor, outputs: Tensor, size: int) -> Tensor:
    """Return the table (size, size, size, 3) that takes some colours (N, 3) to others."""
    corners = torch.tensor([0.0, 1.0], dtype=inputs.dtype)
    table = torch.stack(torch.meshgrid(corners, corners, corners, indexing="ij")[::-1], -1)  # changes nothing
    side = 2
    while side < size:
        side = 2 * side - 1
        finer = F.interpolate(table.movedim(-1, 0)[None], size=(side,) * 3, mode="trilinear", align_corners=True)
        table = _solved(finer[0].movedim(0, -1), inputs, outputs)
    return table


def _solved(table: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Return the table of least error and bending, looked for from another one on."""
    side = len(table)
    index, weight = _corners(inputs, side)
    share = 1 / len(inputs)
    stiffness = STIFFNESS * (side - 1) ** 4 / side**3  # of the integral of squared second derivatives

    def normal(maps: Tensor) -> Tensor:
        """Return what the equations make of tables (1, 3, side, side²)."""
        flat = maps.reshape(3, -1)
        values = (flat[:, index] * weight).sum(-1) * share  # (3, N)
        errors = torch.zeros_like(flat).index_add_(1, index.flatten(), (values[..., None] * weight).flatten(1))
        return (errors.view(3, side, side, side) + stiffness * _bending(flat.view(3, side, side, side))).view(
            maps.shape
        )

    wanted = torch.zeros(3, side**3, dtype=table.dtype)
    wanted.index_add_(1, index.flatten(), (outputs.T[..., None] * share * weight).flatten(1))
    diagonal = torch.zeros(side**3, dtype=table.dtype).index_add_(0, index.flatten(), (weight**2 * share).flatten())
    diagonal = (diagonal + 12 * stiffness).view(1, 1, side, side**2)
    start = table.movedim(-1, 0).reshape(1, 3, side, side**2)
    residual = wanted.view_as(start) - normal(start)
    limit = torch.full((1, 1, 1, 1), 1e-9, dtype=table.dtype)
    found = conjugate_gradients(normal, lambda maps: maps / diagonal, start, residual, limit, steps=STEPS)
    return found.values.view(3, side, side, side).movedim(0, -1)


def _corners(colours: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the eight entries between which colours (N, 3) lie, and the share of each, (N, 8)."""
    place = colours.clamp(0, 1) * (side - 1)
    below = place.floor().clamp(max=side - 2)
    share = place - below
    red, green, blue = below.long().unbind(-1)
    index, weight = [], []
    for corner in range(8):
        r, g, b = corner & 1, corner >> 1 & 1, corner >> 2
        index.append(((blue + b) * side + green + g) * side + red + r)
        parts = [share[:, i] if up else 1 - share[:, i] for i, up in enumerate((r, g, b))]
        weight.append(parts[0] * parts[1] * parts[2])
    return torch.stack(index, -1), torch.stack(weight, -1)


def _bending(lattice: Tensor) -> Tensor:
    """Return half the gradient of the squared second differences of lattices (3, side, side, side)."""
    total = torch.zeros_like(lattice)
    for axis in (1, 2, 3):
        bend = lattice.movedim(axis, -1).diff(n=2)
        total += (F.pad(bend, (2, 0)) - 2 * F.pad(bend, (1, 1)) + F.pad(bend, (0, 2))).movedim(-1, axis)
    return total
