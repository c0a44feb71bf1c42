"""Image quilting (Efros and Freeman 2001): a picture sewn together from blocks of the style."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style
from impasto.functional.color import luma
from impasto.functional.filters import box_mean

SHRINK = 2 / 3
"""How large the blocks of a pass are against those of the pass before (section 3 of the paper)."""
LEAST_BLOCK = 4
"""Pixels that shrinking stops at: smaller blocks carry no texture."""
LEAST_TILE = 64
"""Side of the smallest Fourier transforms, in pixels: the fastest for blocks of 8 to 20 where it was measured."""
VALUES = 2**26
"""Errors held at once on an accelerator: 256 MB of them."""
INVISIBLE = (0.5 / 255) ** 2
"""Squared difference of a pixel, half a step of 8 bits, by which errors may differ and still count as equal."""


# ------------------------------------------------------------------------------------------------- the parts


class Correlator:
    """Correlates a picture with many small kernels of one size, at every place at once, by Fourier transforms.

    The picture is cut into overlapping tiles (overlap-save), so that the transform of a kernel is small, and one
    inverse transform gives the sum over all channels.

    Args:
        picture: (C, h, w) float32.
        block: side b of the kernels in pixels, at most h and w.

    Example:
        >>> import torch
        >>> Correlator(torch.rand(4, 20, 30), block=8)(torch.rand(5, 4, 8, 8)).shape
        torch.Size([5, 13, 23])
    """

    def __init__(self, picture: Tensor, block: int) -> None:
        height, width = picture.shape[-2:]
        self.height, self.width = height - block + 1, width - block + 1
        self.tile = min(max(LEAST_TILE, power_of_two(3 * block)), power_of_two(max(height, width)))
        self.step = self.tile - block + 1
        down, across = (-(-length // self.step) for length in (self.height, self.width))
        bottom, right = (number * self.step + block - 1 for number in (down, across))
        tiles = F.pad(picture, (0, right - width, 0, bottom - height))
        tiles = tiles.unfold(1, self.tile, self.step).unfold(2, self.tile, self.step)
        self.spectrum = torch.fft.rfft2(tiles)

    def __call__(self, kernels: Tensor) -> Tensor:
        """Return the correlations (N, h-b+1, w-b+1) with kernels (N, C, b, b)."""
        waves = torch.fft.rfft2(kernels, s=(self.tile, self.tile)).conj().resolve_conj()[:, :, None, None]
        # One channel at a time: their products with the tiles are never held for all.
        total = waves[:, 0] * self.spectrum[0]
        for channel in range(1, waves.shape[1]):
            total.addcmul_(waves[:, channel], self.spectrum[channel])
        tiles = torch.fft.irfft2(total, s=(self.tile, self.tile))[..., : self.step, : self.step]
        joined: Tensor = tiles.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return joined[..., : self.height, : self.width]


def power_of_two(least: int) -> int:
    """Return the smallest power of two that is not below a number."""
    return 1 << (least - 1).bit_length()


def pick(errors: Tensor, tolerance: float, slack: float, draws: Tensor) -> tuple[Tensor, Tensor]:
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


def minimum_cut(errors: Tensor) -> Tensor:
    """Return the path of least total error from the first row to the last, by dynamic programming.

    Args:
        errors: (N, L, O); the path has one place in each of the L rows, at most one further left or right than
            in the row before.

    Returns:
        (N, L), the place in each row, 0 to O - 1.

    Example:
        >>> import torch
        >>> minimum_cut(torch.tensor([[[9.0, 1.0, 9.0], [9.0, 9.0, 0.0]]])).tolist()
        [[1, 2]]
    """
    totals = [errors[:, 0]]
    for row in errors.unbind(1)[1:]:
        totals.append(row + F.pad(totals[-1], (1, 1), value=math.inf).unfold(1, 3, 1).amin(2))
    places = torch.arange(errors.shape[2], device=errors.device)
    path = [totals[-1].argmin(1)]
    for total in reversed(totals[:-1]):
        near = (places - path[-1][:, None]).abs() <= 1
        path.append(total.where(near, math.inf).argmin(1))
    return torch.stack(path[::-1], 1)


def seam(old: Tensor, new: Tensor, overlap: int, above: Tensor, left: Tensor) -> Tensor:
    """Return where blocks show: beyond the cuts of least error through what they share with those before them.

    Args:
        old: (N, 3, b, b), what lies where the blocks go.
        new: (N, 3, b, b), the blocks.
        overlap: pixels that a block shares with the one above and with the one on the left.
        above: (N,) of bool, whether there is a block above.
        left: (N,) of bool, whether there is one on the left.

    Returns:
        (N, 1, b, b) of bool.
    """
    if not overlap:
        return torch.ones_like(old[:, :1], dtype=torch.bool)
    errors = (old - new).square().sum(1)
    # A cut from left to right is one from top to bottom of the transposed block.
    cuts = minimum_cut(torch.cat([errors[..., :overlap], errors.mT[..., :overlap]]))
    right_of, below = (torch.arange(old.shape[-1], device=old.device) >= cuts[..., None]).chunk(2)
    return ((right_of | ~left[:, None, None]) & (below.mT | ~above[:, None, None]))[:, None]


def match_quantiles(values: Tensor, among: Tensor, reference: Tensor) -> Tensor:
    """Return what has the rank in `reference` that each value has among others; equal values stay equal.

    Args:
        values: of any shape.
        among: (N,), the values that ranks are counted in.
        reference: (M,).

    Example:
        >>> import torch
        >>> values = torch.tensor([0.1, 0.2, 0.3])
        >>> match_quantiles(values, values, torch.tensor([5.0, 9.0, 7.0])).tolist()
        [5.0, 7.0, 9.0]
    """
    ordered, reference = among.sort().values, reference.sort().values
    below, upto = (torch.searchsorted(ordered, values.contiguous(), right=right) for right in (False, True))
    place = ((below + upto) * (len(reference) / (2 * len(ordered))) - 0.5).clamp(0, len(reference) - 1)
    first = place.long()
    return reference[first].lerp(reference[(first + 1).clamp_max(len(reference) - 1)], place - first)


def erode(inside: Tensor, block: int) -> Tensor:
    """Return at which places (h-b+1, w-b+1) a block of b × b pixels lies inside a region (h, w) of bool."""
    outside = (~inside)[None, None].float()
    return F.max_pool2d(F.max_pool2d(outside, (block, 1), 1), (1, block), 1)[0, 0] == 0


def grid(height: int, width: int, block: int, overlap: int) -> tuple[int, int]:
    """Return how many rows and columns of overlapping blocks cover a picture."""
    rows, columns = (max(1, -(-(length - overlap) // (block - overlap))) for length in (height, width))
    return rows, columns


def fronts(rows: int, columns: int) -> int:
    """Return how many `wavefronts` there are."""
    return columns + 2 * (rows - 1) if columns > 1 else rows


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
        row = torch.arange(max(0, -((columns - 1 - front) // 2)), min(rows - 1, front // 2) + 1)
        yield row, front - 2 * row


# ----------------------------------------------------------------------------------------------- the algorithm


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
        watch: called with the picture so far after each front of blocks.

    Returns:
        (3, H, W), in which every pixel is one of the source.
    """
    height, width = image.shape[-2:]
    rows, columns = grid(height, width, block, overlap)
    step, device = block - overlap, image.device
    beyond = (0, columns * step + overlap - width, 0, rows * step + overlap - height)
    canvas, tone = (F.pad(one[None], beyond, mode="replicate")[0] for one in (image, tone))
    earlier = canvas.clone() if again else None
    draws = torch.rand(rows, columns).to(device)
    inner = torch.arange(block, device=device)
    shared = inner < overlap
    # Which pixels are compared with those that lie there: none, left, above, left and above.
    compared = torch.stack([shared[:, None] & up | shared & left for up in (False, True) for left in (False, True)])
    compared = compared[:, None].float()
    # Differences do not depend on the centre, and around it rounding is least.
    centre = source.image.mean((1, 2), keepdim=True)
    colours = source.image - centre
    correlate = Correlator(torch.cat([colours, source.tone]), block)
    squares = torch.stack([colours.square().sum(0), source.tone[0].square()])
    weights = torch.cat([alpha * (compared + again), (1 - alpha) * torch.ones_like(compared)], 1)
    own = Correlator(squares, block)(weights).masked_fill(~erode(source.inside, block), math.inf)
    handicap = source.handicap[: own.shape[1], : own.shape[2]]
    blocks = source.image.unfold(1, block, 1).unfold(2, block, 1)
    # One at a time stays in a processor's cache, which is twice as fast as a front at once.
    together = 1 if device.type == "cpu" else max(1, VALUES // correlate.spectrum[0].numel())

    for row, column in wavefronts(rows, columns):
        row, column = row.to(device), column.to(device)
        y, x = (start[:, None] * step + inner for start in (row, column))
        at = (slice(None), y[:, :, None], x[:, None, :])
        old, kind = canvas[at].movedim(0, 1), 2 * (row > 0) + (column > 0)
        near, wanted = old - centre, tone[at].movedim(0, 1)
        texture, energy = compared[kind] * near, compared[kind] * near.square()
        if earlier is not None:
            before = earlier[at].movedim(0, 1) - centre
            texture, energy = texture + before, energy + before.square()
        kernels = -2 * torch.cat([alpha * texture, (1 - alpha) * wanted], 1)
        constant = alpha * energy.sum((1, 2, 3)) + (1 - alpha) * wanted.square().sum((1, 2, 3))
        found = []
        for some in torch.split(torch.arange(len(row), device=device), together):
            errors = (correlate(kernels[some]) + own[kind[some]]).add_(constant[some, None, None])
            errors = errors.clamp_min_(0).mul_(handicap)
            found.append(pick(errors, tolerance, block**2 * INVISIBLE, draws[row[some], column[some]]))
        v, u = map(torch.cat, zip(*found, strict=True))
        new = blocks[:, v, u].movedim(0, 1)
        canvas[at] = new.where(seam(old, new, overlap, row > 0, column > 0), old).movedim(1, 0)
        watch(canvas[:, :height, :width])
    return canvas[:, :height, :width]


# --------------------------------------------------------------------------------------------------- the stage


class Quilt(impasto.Stylizer, name="quilt"):
    """Sew the picture together from blocks of the style (image quilting, without a network)."""

    block: int = impasto.param(default=18, low=2, help="side of a block in the first pass, in pixels")
    overlap: float = impasto.param(default=1 / 6, low=0.05, high=0.5, help="of neighbouring blocks, share of a block")
    alpha: tuple[float, ...] = impasto.param(
        default=(0.1, 0.9),
        low=0,
        high=1,
        help="weight of texture against content in each pass, with blocks a third smaller each; 1: texture alone",
    )
    tolerance: float = impasto.param(
        default=0.1, low=0, help="share by which a block may fit worse than the best and still be drawn"
    )
    blur: int = impasto.param(
        default=0, low=0, help="of the lightness that content and style are compared by, in pixels"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.alpha:
            raise ParameterError(
                f"{self.name}: alpha = () asks for no pass\n"
                "  what to type: alpha=(0.1, 0.9) for two passes, or alpha=(1,) for texture alone"
            )

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each picture by itself, in one pass for each alpha, beginning with the largest blocks."""
        sources, plans = [], []
        for index in range(len(content)):
            source, block = self.source(styles, index)
            sources.append(source)
            plans.append(self.plan(block))
        size = content.shape[-2], content.shape[-1]
        counts = [sum(fronts(*grid(*size, block, overlap)) for block, overlap in plan) for plan in plans]
        done, steps = 0, sum(counts)
        painted = content.clone()
        for index, (source, plan) in enumerate(zip(sources, plans, strict=True)):
            region = None if guides is None else guides[index % len(guides)]
            tone = self.tone(content[index], region, source)

            def watch(image: Tensor, index: int = index) -> None:
                nonlocal done
                done += 1
                painted[index] = image
                self.report(done, steps, painted.clone(), {})

            image = content[index]
            for number, ((block, overlap), alpha) in enumerate(zip(plan, self.alpha, strict=True)):
                image = quilt(
                    image,
                    tone,
                    source,
                    block=block,
                    overlap=overlap,
                    alpha=alpha,
                    tolerance=self.tolerance,
                    again=number > 0,
                    watch=watch,
                )
        return painted

    def plan(self, block: int) -> list[tuple[int, int]]:
        """Return the block and the overlap of each pass, in pixels, beginning with a block."""
        sides = [block]
        for _ in self.alpha[1:]:
            sides.append(max(min(block, LEAST_BLOCK), round(sides[-1] * SHRINK)))
        return [(side, min(max(1, round(side * self.overlap)), side // 2)) for side in sides]

    def source(self, styles: Sequence[Style], index: int) -> tuple[Source, int]:
        """Return what blocks of one picture of a batch are cut from, and the side of the largest ones.

        Raises:
            StageError: weights that are negative or all 0, or guides that mark nothing.
        """
        weights = [style.weight for style in styles]
        if min(weights) < 0 or max(weights) == 0:
            raise StageError(
                f"{self.name}: the styles have the weights {', '.join(f'{weight:g}' for weight in weights)}\n"
                "  what would work: weights of 0 or more, one of them above 0"
            )
        parts, block = [], self.block
        for style in styles:
            if style.weight == 0:
                continue
            image, inside = style.image[index % len(style.image)], source_area(style, index)
            fits = next((side for side in range(min(block, *inside.shape), 0, -1) if erode(inside, side).any()), 0)
            if not fits:
                raise StageError(
                    f"{self.name}: the guides of a style are 0 all over picture {index + 1}, so no block is there\n"
                    "  what would work: guides that mark something in each picture of the style"
                )
            block = min(block, fits)
            handicap = torch.full_like(image[:1], max(weights) / style.weight)
            maps = torch.cat([image, self.lightness(image), inside[None], handicap])
            parts.append(maps)
        if block < self.block:
            warnings.warn(
                f"{self.name}: blocks of {self.block} pixels do not fit into a style or its guides; they get {block}\n"
                f"  what would work: a larger picture or region of the style, or block={block}",
                stacklevel=2,
            )
        height = max(maps.shape[1] for maps in parts)
        # A column of zeros, which is outside, keeps blocks from reaching into the next style.
        joined = torch.cat([F.pad(maps, (0, 1, 0, height - maps.shape[1])) for maps in parts], 2)
        # Where no style is, 1: forbidden errors are infinite, and infinity times 0 is not a number.
        source = Source(joined[:3], joined[3:4], joined[4] > 0, joined[5].clamp_min(1))
        return source, block

    def lightness(self, image: Tensor) -> Tensor:
        """Return what pictures (3, H, W) are compared by, (1, H, W)."""
        # Three box means come close to a Gaussian whose standard deviation is the radius and a half.
        return functools.reduce(box_mean, [self.blur] * 3 if self.blur else [], luma(image[None]))[0]

    def tone(self, content: Tensor, region: Tensor | None, source: Source) -> Tensor:
        """Return the content's lightness (1, H, W) with the distribution of the source's."""
        values = self.lightness(content)
        inside = None if region is None else region.sum(0, keepdim=True) > 0
        among = values[inside] if inside is not None and inside.any() else values.flatten()
        return match_quantiles(values, among, source.tone[0, source.inside])


def source_area(style: Style, index: int) -> Tensor:
    """Return the part (h, w) of a style's picture that blocks may come from: guides above half of their largest."""
    if style.guides is None:
        return torch.ones_like(style.image[0, 0], dtype=torch.bool)
    part = style.guides[index % len(style.guides), 0]
    return part > part.amax() / 2
