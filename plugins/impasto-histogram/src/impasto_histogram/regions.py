"""Whose statistics count, and where: the references of a stage, region by region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import Postprocessor, StageError, Style
from impasto.stage import check_coverage, covered_regions

Part = Tensor | None
"""How much each pixel counts, (1 or B, 1, H, W) in [0, 1]; None: all of them alike."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that statistics are taken from, in whatever space the stage works in.

    Args:
        values: (1 or B, C, h, w).
        weight: share among several.
        guides: (1 or B, K, h, w), which part covers which region; None: all for each.
    """

    values: Tensor
    weight: float = 1.0
    guides: Tensor | None = None

    def part(self, region: int) -> Part:
        """Return how much each pixel counts for a region."""
        return None if self.guides is None else self.guides[:, region : region + 1]


def references(
    stage: Postprocessor,
    source: str,
    content: Tensor,
    styles: Sequence[Style],
    guides: Tensor | None,
    convert: Callable[[Tensor], Tensor],
) -> list[Reference]:
    """Return the pictures that a stage takes its statistics from.

    Args:
        stage: named in messages.
        source: "content" or "style".
        content: (B, 3, H, W).
        styles: with guides for the same regions (`align_styles`).
        guides: (1 or B, K, H, W), the regions of the content, or None.
        convert: takes pictures (B, 3, H, W) into the space that the stage works in.

    Raises:
        StageError: styles are asked for and there is none.
    """
    if source == "content":
        return [Reference(convert(content), 1.0, guides)]
    if not styles:
        raise StageError(
            f"{stage.name}: needs a style picture to take its measure from\n"
            f"  what to type: pipe(content, style), or {type(stage).__name__}(reference='content')"
        )
    return [Reference(convert(style.image), style.weight, style.guides) for style in styles]


def map_regions(
    stage: Postprocessor,
    image: Tensor,
    pictures: Sequence[Reference],
    guides: Tensor | None,
    change: Callable[[Part, list[Tensor], list[float], list[Part]], Tensor],
) -> Tensor:
    """Return the image changed in each region by what covers that region, blended where guides are soft.

    A region that no reference covers stays as it is.

    Args:
        stage: named in messages.
        image: (B, 3, H, W).
        pictures: the references.
        guides: (1 or B, K, H, W), where each region is; None: everywhere.
        change: given where the region is, and the values, weights and parts of the references that cover
            it, returns the whole image (B, 3, H, W) as it should be in that region.

    Raises:
        StageError: no reference covers any region, or the weights of those that do have no average.
    """
    # What is not covered stays on purpose, or the stylizer before has warned of it.
    check_coverage(stage, guides, pictures, intended=True)
    total, share = torch.zeros_like(image), torch.zeros_like(image[:, :1])
    for region in covered_regions(guides, pictures):
        own, weights = [pictures[place] for place in region.styles], list(region.weights)
        if not sum(weights) > 0:
            raise StageError(
                f"{stage.name}: the styles' weights add up to {sum(weights):g}, so they have no average\n"
                "  what would work: weights whose sum is above 0"
            )
        changed = change(region.area, [one.values for one in own], weights, [one.part(region.index) for one in own])
        if region.area is None:
            return changed
        total, share = total + changed * region.area, share + region.area
    # Guides inside a soft mask sum to less than 1; the base class blends with the mask afterwards.
    uncovered = 0 if guides is None else guides.sum(1, keepdim=True) - share
    whole = share + uncovered
    return torch.where(share > 0, (total + image * uncovered) / whole.clamp_min(torch.finfo(image.dtype).tiny), image)


def map_of_picture(part: Part, index: int) -> Tensor | None:
    """Return one picture's part (1, H, W), of as many as there are."""
    return None if part is None else part[index if len(part) > 1 else 0]
