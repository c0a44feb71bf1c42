"""Image quilting: one pass of the algorithm of Efros and Freeman 2001."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .correlation import Correlator
from .seams import seam

VALUES = 2**26
"""Errors held at once on an accelerator: 256 MB of them."""
INVISIBLE = (0.5 / 255) ** 2
"""Squared difference of a pixel, half a step of 8 bits, by which errors may differ and still count as equal."""


@dataclass(frozen=True)
class Source:
    """What blocks are cut from.

    Args:
        image: (3, h, w), the styles side by side.
        tone: (1, h, w), what is compared with the content's.
        inside: (h, w) of bool, the pixels that blocks may hold.
        handicap: (h, w) of 1 or more; the error of a block that begins here is multiplied by it.
    """

    image: Tensor
    tone: Tensor
    inside: Tensor
    handicap: Tensor


def quilt(
    image: Tensor,
    tone: Tensor,
    source: Source,
    *,
    block: int,
    overlap: int,
    alpha: float,
    tolerance: float = 0.1,
    again: bool = False,
    seamless: bool = False,
    generator: torch.Generator | None = None,
    watch: Callable[[Tensor], None] = lambda _: None,
) -> Tensor:
    """Cover a picture with blocks of the source: one pass of the algorithm.

    A block's error is α (its difference from the blocks it overlaps, and from `image` where that is the result of
    an earlier pass) + (1 - α) (difference of its tone from `tone`), in sums of squares.  One of the blocks whose
    error is within the tolerance of the least is drawn at random and sewn on along the cut of least error.

    Args:
        image: (3, H, W) float32.
        tone: (1, H, W), the correspondence map.
        source: with room for a block.
        block: side of a block in pixels.
        overlap: pixels that neighbouring blocks share, at most half of the block.
        alpha: weight of the texture against the tone, 0 to 1.
        tolerance: share by which an error may exceed the least.
        again: whether `image` is a quilt already.
        seamless: whether its sides fit together; neither is then shorter than a block.
        generator: what blocks are drawn from, on the picture's device; None: torch's default one.
        watch: called with the picture so far after each front of blocks.

    Returns:
        (3, H, W), in which every pixel is one of the source.
    """
    height, width = image.shape[-2:]
    rows, columns = grid_size(height, width, block, overlap, seamless)
    step, device = block - overlap, image.device
    if seamless:  # blocks that go beyond a side go on at the opposite one, and share the lengths evenly
        canvas, tops, lefts = image.clone(), even_starts(height, rows), even_starts(width, columns)
    else:
        beyond = (0, columns * step + overlap - width, 0, rows * step + overlap - height)
        canvas, tone = (F.pad(one[None], beyond, mode="replicate")[0] for one in (image, tone))
        tops, lefts = (torch.arange(count, device="cpu") * step for count in (rows, columns))
    tops, lefts = tops.to(device), lefts.to(device)
    earlier = canvas.clone() if again else None
    draws = torch.rand(rows, columns, generator=generator, device=device, dtype=torch.float32)
    inner = torch.arange(block, device=device)
    # Which pixels are compared with those that lie there: none, left, above, left and above; then those on the right
    # and below, which only the last blocks of a seamless picture meet.
    sides = torch.cartesian_prod(*[torch.tensor([False, True], device=device)] * (4 if seamless else 2))
    compared = torch.stack([shared_pixels(inner, overlap, *present) for present in sides.tolist()])
    compared = compared[:, None].float()
    # Differences do not depend on the centre, and around it rounding is least.
    centre = source.image.mean((1, 2), keepdim=True)
    colours = source.image - centre
    correlate = Correlator(torch.cat([colours, source.tone]), block)
    squares = torch.stack([colours.square().sum(0), source.tone[0].square()])
    weights = torch.cat([alpha * (compared + again), (1 - alpha) * torch.ones_like(compared)], 1)
    own = Correlator(squares, block)(weights).masked_fill(~block_places(source.inside, block), math.inf)
    handicap = source.handicap[: own.shape[1], : own.shape[2]]
    blocks = source.image.unfold(1, block, 1).unfold(2, block, 1)
    # One at a time stays in a processor's cache, which is twice as fast as a front at once.
    together = 1 if device.type == "cpu" else max(1, VALUES // correlate.spectrum[0].numel())

    for row, column in in_turn(rows, columns) if seamless else wavefronts(rows, columns):
        row, column = row.to(device), column.to(device)
        y, x = (starts[place][:, None] + inner for starts, place in ((tops, row), (lefts, column)))
        if seamless:
            y, x = y % height, x % width
        at = (slice(None), y[:, :, None], x[:, None, :])
        met = [row > 0, column > 0]
        met += [row == rows - 1, column == columns - 1] if seamless else []
        old = canvas[at].movedim(0, 1)
        kind = torch.stack(met).long().mul(2 ** torch.arange(len(met) - 1, -1, -1, device=device)[:, None]).sum(0)
        near, target = old - centre, tone[at].movedim(0, 1)
        texture, energy = compared[kind] * near, compared[kind] * near.square()
        if earlier is not None:
            before = earlier[at].movedim(0, 1) - centre
            texture, energy = texture + before, energy + before.square()
        kernels = -2 * torch.cat([alpha * texture, (1 - alpha) * target], 1)
        constant = alpha * energy.sum((1, 2, 3)) + (1 - alpha) * target.square().sum((1, 2, 3))
        fits = []
        for some in torch.split(torch.arange(len(row), device=device), together):
            errors = (correlate(kernels[some]) + own[kind[some]]).add_(constant[some, None, None])
            errors = errors.clamp_min_(0).mul_(handicap)
            fits.append(random_fit(errors, tolerance, block**2 * INVISIBLE, draws[row[some], column[some]]))
        v, u = map(torch.cat, zip(*fits, strict=True))
        new = blocks[:, v, u].movedim(0, 1)
        canvas[at] = new.where(seam(old, new, overlap, *met), old).movedim(1, 0)
        watch(canvas[:, :height, :width])
    return canvas[:, :height, :width]


def random_fit(errors: Tensor, tolerance: float, slack: float, draws: Tensor) -> tuple[Tensor, Tensor]:
    """Return, for each map of errors, one of the places where it is within the tolerance of its least.

    Args:
        errors: (N, H, W) of 0 or more; infinite where forbidden.
        tolerance: share by which an error may exceed the least.
        slack: amount by which it may exceed that.
        draws: (N,), random numbers in [0, 1).

    Returns:
        Rows and columns, (N,) each; all places within the tolerance are equally likely.
    """
    # Most rows hold nothing good, and need no second look.
    least = errors.amin(2)
    limit = (1 + tolerance) * least.amin(1) + slack
    number, row = (least <= limit[:, None]).nonzero().unbind(1)
    line, column = (errors[number, row] <= limit[number, None]).nonzero().unbind(1)
    counts = torch.bincount(number[line], minlength=len(errors))
    chosen = counts.cumsum(0) - counts + (draws * counts).long().minimum(counts - 1)
    return row[line[chosen]], column[chosen]


def block_places(inside: Tensor, block: int) -> Tensor:
    """Return at which places (h-b+1, w-b+1) a block of b × b pixels lies inside a region (h, w) of bool."""
    outside = (~inside)[None, None].float()
    return F.max_pool2d(F.max_pool2d(outside, (block, 1), 1), (1, block), 1)[0, 0] == 0


def shared_pixels(
    inner: Tensor, overlap: int, above: bool, left: bool, below: bool = False, right: bool = False
) -> Tensor:
    """Return which pixels (b, b) of a block it shares with the blocks that there are, of `inner`, 0 to b - 1."""
    first, last = inner < overlap, inner >= len(inner) - overlap
    return (first & above | last & below)[:, None] | (first & left | last & right)


def even_starts(length: int, count: int) -> Tensor:
    """Return where so many blocks begin that share a length evenly, (count,), in whole pixels."""
    return torch.arange(count, device="cpu") * length // count


def grid_size(height: int, width: int, block: int, overlap: int, seamless: bool = False) -> tuple[int, int]:
    """Return how many rows and columns of overlapping blocks cover a picture, or a seamless one, two at least."""
    if seamless:
        rows, columns = (max(2, -(-length // (block - overlap))) for length in (height, width))
        return rows, columns
    rows, columns = (max(1, -(-(length - overlap) // (block - overlap))) for length in (height, width))
    return rows, columns


def front_count(rows: int, columns: int, seamless: bool = False) -> int:
    """Return how many `wavefronts` there are; of a seamless picture, how many blocks."""
    if seamless:
        return rows * columns
    return columns + 2 * (rows - 1) if columns > 1 else rows


def in_turn(rows: int, columns: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows and columns of blocks one by one: the last of a seamless picture wait for the first."""
    for place in range(rows * columns):
        row, column = torch.tensor([[place // columns], [place % columns]], device="cpu")
        yield row, column


def wavefronts(rows: int, columns: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows and columns of blocks whose neighbours on the left, above and above right have been yielded.

    Blocks with equal 2 · row + column neither touch nor wait for each other, so all of them can be placed at once,
    and each gets what raster order would have put there.

    Example:
        >>> [list(zip(row.tolist(), column.tolist())) for row, column in wavefronts(2, 3)]
        [[(0, 0)], [(0, 1)], [(0, 2), (1, 0)], [(1, 1)], [(1, 2)]]
    """
    # In a single column every other number has no block, and some libraries refuse empty tensors.
    for front in range(0, columns + 2 * (rows - 1), 1 if columns > 1 else 2):
        row = torch.arange(max(0, -((columns - 1 - front) // 2)), min(rows - 1, front // 2) + 1, device="cpu")
        yield row, front - 2 * row
