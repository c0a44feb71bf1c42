"""Image quilting (Efros and Freeman 2001): a picture sewn together from blocks of the style."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style
from impasto.functional.color import luma
from impasto.functional.filters import box_mean
from impasto.functional.resizing import Size, size_text
from impasto.stage import TextureSynthesis

from .quilting import Source, block_places, front_count, grid_size, quilt

SHRINK = 2 / 3
"""How large the blocks of a pass are against those of the pass before (section 3 of the paper)."""
FOLLOWING = (0.1, 0.9)
"""Weights of texture against content of two passes that follow the content."""
LEAST_BLOCK = 4
"""Pixels that shrinking stops at: smaller blocks carry no texture."""


class Quilt(TextureSynthesis, name="quilt"):
    """Sew the picture together from blocks of the style (image quilting, without a network)."""

    block: int = impasto.param(default=18, low=2, high=4096, help="side of a block in the first pass, in pixels")
    overlap: float = impasto.param(default=1 / 6, low=0.05, high=0.5, help="of neighbouring blocks, share of a block")
    alpha: tuple[float, ...] = impasto.param(
        default=(),
        low=0,
        high=1,
        help="weight of texture against content in each pass, with blocks a third smaller each; 1: texture alone;"
        " empty: 0.1 and 0.9, and 1 on a canvas of its own",
    )
    tolerance: float = impasto.param(
        default=0.1, low=0, high=1000, help="share by which a block may fit worse than the best and still be drawn"
    )
    blur: int = impasto.param(
        default=0, low=0, high=4096, help="of the lightness that content and style are compared by, in pixels"
    )

    def check(self) -> None:
        """Refuse to follow a content where there is none."""
        super().check()
        if self.size and min(self.passes) < 1:
            raise ParameterError(
                f"{self.name}: alpha = {self.alpha!r} follows a content, and size = {self.size!r} stands in for one\n"
                "  what to type: alpha=(1,) for texture alone, or no size"
            )

    @property
    def passes(self) -> tuple[float, ...]:
        """The weight of texture against content in each pass."""
        return self.alpha or ((1.0,) if self.size else FOLLOWING)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each picture by itself, in one pass for each alpha, beginning with the largest blocks."""
        sources, plans = [], []
        for index in range(len(content)):
            source, block = self.source(styles, index)
            sources.append(source)
            plans.append(self.plan(block))
        size = content.shape[-2], content.shape[-1]
        self._check_room(size, max(block for plan in plans for block, _ in plan))
        counts = [
            sum(front_count(*grid_size(*size, block, overlap, self.seamless), self.seamless) for block, overlap in plan)
            for plan in plans
        ]
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
            for number, ((block, overlap), alpha) in enumerate(zip(plan, self.passes, strict=True)):
                image = quilt(
                    image,
                    tone,
                    source,
                    block=block,
                    overlap=overlap,
                    alpha=alpha,
                    tolerance=self.tolerance,
                    again=number > 0,
                    seamless=self.seamless,
                    generator=self.generator(content.device),
                    watch=watch,
                )
        return painted

    def _check_room(self, size: Size, block: int) -> None:
        if self.seamless and min(size) < block:
            raise StageError(
                f"{self.name}: a picture of {size_text(size)} pixels is smaller than a block of {block}, which"
                f" would meet itself\n  what would work: block={min(size)} or less, a larger picture, or seamless=False"
            )

    def plan(self, block: int) -> list[tuple[int, int]]:
        """Return the block and the overlap of each pass, in pixels, beginning with a block."""
        sides = [block]
        for _ in self.passes[1:]:
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
            sides = range(min(block, *inside.shape), 0, -1)
            fits = next((side for side in sides if block_places(inside, side).any()), 0)
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
    place = ((below + upto).float() * (len(reference) / (2 * len(ordered))) - 0.5).clamp(0, len(reference) - 1)
    first = place.long()
    return reference[first].lerp(reference[(first + 1).clamp_max(len(reference) - 1)], place - first)
