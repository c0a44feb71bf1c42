"""The table that leads from one picture's colours to another's."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import StageError
from impasto.functional.solvers import conjugate_gradients

from .cube import Cube, grade

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


class Fit(NamedTuple):
    """A table, and how well it does what the picture shows."""

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
        >>> photo = impasto.samples.content("coffee", 64)
        >>> bool(fit_cube(photo, photo.sqrt()).mean < 1 / 255)
        True
    """
    if before.shape != after.shape:
        raise ValueError(
            f"the pictures are {_size_text(before)} and {_size_text(after)}\n"
            "  what would work: the same picture before and after, of the same size"
        )
    if size not in SIZES:
        raise ValueError(f"size={size}\n  what would work: {', '.join(map(str, SIZES))}")
    inputs, outputs = (_colours(picture) for picture in (before, after))
    table = _fitted(*_averaged(inputs, outputs), size)
    cube = Cube(table.float().clamp(0, 1), title=title)  # there are programs that take nothing else
    error = (grade(inputs.float().T[None, :, None], cube)[0, :, 0].T - outputs).abs()
    return Fit(cube, float(error.mean()), float(error.flatten().kthvalue(max(1, int(0.99 * error.numel()))).values))


def cube_of(pipeline: impasto.Pipeline, content: Any, style: Any = None, *, size: int = 33, title: str = "") -> Fit:
    """Return the table of a pipeline that changes colours alone.

    What such stages do depends on the pictures' statistics; the table holds it as it is for these two.

    Args:
        pipeline: of stages that give each colour one other, wherever it stands.
        content: a picture, or its path; the more colours it has, the more is known of the table.
        style: likewise, if the pipeline looks at one.
        size: entries a side: 17, 33 or 65.
        title: of the look.

    Raises:
        impasto.StageError: the pipeline does more than a table can hold, or changes the picture's size.

    Example:
        >>> import impasto
        >>> from impasto_lut import Lut
        >>> pipe = impasto.Pipeline.parse("match-color:target=image")
        >>> fit = cube_of(pipe, impasto.samples.content("cat", 96), impasto.samples.style("batik", 96))
        >>> fit.cube.size
        33
    """
    picture = impasto.read(content)
    painted = pipeline(picture) if style is None else pipeline(picture, style)
    stages = ", ".join(stage.name for stage in pipeline.stages)
    before, after = picture.visible, painted.visible.to(picture.visible)
    if before.shape != after.shape:
        raise StageError(
            f"{stages}: makes a picture of another size, and a table holds colours alone\n"
            "  what would work: the pipeline without the stage that resizes"
        )
    fit = fit_cube(before, after, size, title)
    check_fit(fit, stages, "stages that look at colours alone, such as match-color:target=image")
    return fit


def check_fit(fit: Fit, what: str, works: str) -> None:
    """Refuse a table that does not do what was asked for.

    Args:
        fit: as it came out.
        what: was asked for, first in the message.
        works: what would work, last in it.

    Raises:
        impasto.StageError: the table is wrong by more than 3/255 on the average.
    """
    if fit.mean > TOLERANCE:
        raise StageError(
            f"{what}: no table of colours does this: the best is wrong by {255 * fit.mean:.1f}/255 on the average\n"
            "  why: the same colour comes out differently in different places, or neighbouring colours far apart\n"
            f"  what would work: {works}"
        )


def _size_text(picture: Tensor) -> str:
    return f"{picture.shape[-1]}×{picture.shape[-2]}"


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
