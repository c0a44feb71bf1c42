"""Histograms for Impasto: give the painted image the tones of the style, or of the content."""

from __future__ import annotations

from collections.abc import Sequence

import kornia.color
import torch
from torch import Tensor

import impasto
from impasto import Postprocessor, StageError, Style, param
from impasto.color import luma

__all__ = ["MatchHistogram", "match_histograms"]

LEVELS = 65536
"""Tones told apart.  Those of 8 and of 16 bits fall exactly on levels, as 255 divides 65535."""


def to_levels(values: Tensor) -> Tensor:
    """Return values in [0, 1] as whole numbers, 0 to 65535 (int32)."""
    return values.clamp(0, 1).mul_(LEVELS - 1).round_().to(torch.int32)


def cumulative(levels: Tensor) -> Tensor:
    """Return how many of the levels (N,) are at most 0, 1, … 65535, as int64 (65536,)."""
    return torch.bincount(levels, minlength=LEVELS).cumsum(0)


def quantiles(counts: Tensor, reference: Tensor) -> Tensor:
    """Return, for each level of one histogram, the tone in [0, 1] of the same quantile in another.

    Args:
        counts: cumulative counts (65536,) of the histogram to change.
        reference: cumulative counts (65536,) of the histogram to reach; of any total.

    Returns:
        (65536,) float32: linear between the tones that the reference has.
    """
    # Shares as whole numbers over the product of both totals: exact, where float32 would lose pixels.
    have, want = counts * reference[-1], reference * counts[-1]
    steps = torch.arange(LEVELS, device=counts.device)
    above = torch.searchsorted(want, have).clamp_max(LEVELS - 1)
    occupied = torch.diff(reference, prepend=reference.new_zeros(1)) > 0
    below_or_at = torch.where(occupied, steps, -1).cummax(0).values
    below = torch.where(above > 0, below_or_at[(above - 1).clamp_min(0)], -1)
    below = torch.where(below < 0, above, below)  # nothing darker in the reference
    gap = (want[above] - want[below]).clamp_min(1)
    part = (have - want[below]).clamp_min(0) / gap
    return torch.lerp(below.float(), above.float(), part.float()) / (LEVELS - 1)


def match_histograms(
    image: Tensor, references: Tensor | Sequence[Tensor], weights: Sequence[float] | None = None
) -> Tensor:
    """Change the tones of each channel so that its histogram equals that of the reference's channel.

    For every value the share of pixels at most as bright is looked up among the reference's quantiles,
    which are linear between the tones that occur there.  Values are told apart in 65536 steps, so
    pictures of 8 and 16 bits are matched exactly.

    Args:
        image: (B, C, H, W) float32 in [0, 1].
        references: (B or 1, C, h, w) in [0, 1], of any size; or several.
        weights: share of each of several references; their quantiles are averaged (the barycentre of
            histograms in the sense of optimal transport).  None weighs all alike.

    Returns:
        (B, C, H, W) in the range of the references.

    Raises:
        ValueError: no reference, or weights that do not add up to more than 0.

    Example:
        >>> import torch
        >>> dark, light = torch.rand(1, 3, 8, 8) / 2, torch.rand(1, 3, 5, 9) / 2 + 0.5
        >>> bool(match_histograms(dark, light).min() >= 0.5)
        True
    """
    pictures = [references] if isinstance(references, Tensor) else list(references)
    shares = [1.0] * len(pictures) if weights is None else list(weights)
    total = sum(shares)
    if not total > 0:
        raise ValueError(
            f"{len(pictures)} references with weights that add up to {total:g} have no average\n"
            "  what would work: at least one reference, and weights whose sum is above 0"
        )
    result = torch.empty_like(image)
    for channel in range(image.shape[1]):
        # A reference shared by the whole batch is counted once.
        wanted = [[cumulative(to_levels(one[channel]).flatten()) for one in picture] for picture in pictures]
        for index in range(image.shape[0]):
            levels = to_levels(image[index, channel]).flatten()
            counts = cumulative(levels)
            table = torch.zeros(LEVELS, device=image.device)
            for share, histograms in zip(shares, wanted, strict=True):
                reference = histograms[index if len(histograms) > 1 else 0]
                table += share / total * quantiles(counts, reference)
            result[index, channel] = table.index_select(0, levels).view(image.shape[-2:])
    return result


def lab_to_unit(image: Tensor) -> Tensor:
    """Return sRGB pictures (B, 3, H, W) as CIE L*a*b* (D65), each channel scaled into [0, 1]."""
    lab = kornia.color.rgb_to_lab(image)
    return (lab + lab.new_tensor([0, 128, 128])[:, None, None]) / lab.new_tensor([100, 255, 255])[:, None, None]


def unit_to_rgb(values: Tensor) -> Tensor:
    """Return the sRGB picture of `lab_to_unit`'s values, not clipped."""
    lab = values * values.new_tensor([100, 255, 255])[:, None, None]
    return kornia.color.lab_to_rgb(lab - lab.new_tensor([0, 128, 128])[:, None, None], clip=False)


class MatchHistogram(Postprocessor, name="match-histogram"):
    """Give the painted image the histogram of the styles, or of the content."""

    reference: str = param(
        default="style",
        choices=("style", "content"),
        help="whose histogram: the styles', by their weights, or the content's",
    )
    space: str = param(
        default="rgb",
        choices=("rgb", "lab", "luminance"),
        help="which channels are matched: red, green, blue; CIE L*a*b*; or luminance alone, keeping colour",
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the matched image in the result")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image with its tones matched."""
        references, weights = [content], [1.0]
        if self.reference == "style":
            references, weights = [style.image for style in styles], [style.weight for style in styles]
            if not styles:
                raise StageError(
                    f"{self.name}: needs a style picture to take the histogram from\n"
                    f"  what to type: pipe(content, style), or {type(self).__name__}(reference='content')"
                )
            if not sum(weights) > 0:
                raise StageError(
                    f"{self.name}: the styles' weights add up to {sum(weights):g}, so they have no average\n"
                    "  what would work: weights whose sum is above 0"
                )
        # kornia's colour matrices would otherwise be rounded to bfloat16 inside an autocast region.
        with torch.autocast(image.device.type, enabled=False):
            if self.space == "luminance":
                tones = luma(image)
                matched = image + (match_histograms(tones, [luma(one) for one in references], weights) - tones)
            elif self.space == "lab":
                values = match_histograms(lab_to_unit(image), [lab_to_unit(one) for one in references], weights)
                matched = unit_to_rgb(values)
            else:
                matched = match_histograms(image, references, weights)
            return image.lerp(matched.clamp(0, 1), self.strength)


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `match-histogram`."""
    return [MatchHistogram]
