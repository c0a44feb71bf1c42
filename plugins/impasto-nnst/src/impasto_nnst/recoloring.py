"""Colours from the content's, moved to the style's: even areas stay even, whatever their positions were matched to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import Style
from impasto.functional import statistics
from impasto.functional.color import fit_gamut, from_space, to_space
from impasto.functional.filters import guided_filter
from impasto.functional.losses import mean_measurement
from impasto.stage import covered_regions

RADIUS, EPSILON = 4, 1e-3
"""Of the filter that fits colours to what was painted: pixels, and the variance of lightness at an edge."""


def recolor(painted: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor) -> Tensor:
    """Return what was painted, its lightness kept, with the content's colours moved to the styles' distribution.

    Args:
        painted: (1, 3, H, W).
        content: (1, 3, H, W).
        styles: each one picture, with guides (1, K, ·, ·).
        guides: (1, K, H, W), the regions of the picture.

    Example:
        >>> import torch
        >>> grey, pictures = torch.full((1, 3, 8, 8), 0.5), torch.rand(2, 1, 3, 8, 8)
        >>> style = Style(grey, guides=torch.ones(1, 1, 8, 8))
        >>> recolored = recolor(pictures[0], pictures[1], [style], torch.ones(1, 1, 8, 8))
        >>> (recolored.amax(1) - recolored.amin(1)).max().item() < 0.01
        True
    """
    values = to_space(painted, "lab")
    lightness, colors = values[:, :1], values[:, 1:]
    own = to_space(content, "lab")[:, 1:]
    total, share = torch.zeros_like(colors), torch.zeros_like(lightness)
    for region in covered_regions(guides, styles):
        assert region.area is not None
        covering = [to_space(styles[place].image, "lab")[:, 1:] for place in region.styles]
        parts = []
        for place in region.styles:
            style_guides = styles[place].guides
            assert style_guides is not None
            parts.append(style_guides[:, region.index : region.index + 1])
        goal_mean, goal = mean_measurement(
            [statistics.covariance(hues, part) for hues, part in zip(covering, parts, strict=True)], region.weights
        )
        mean, covariance = statistics.covariance(own, region.area)
        moved = (statistics.transport(covariance, goal) @ (own - mean).flatten(2)).view_as(own) + goal_mean
        # No colour that the style does not have.
        ends = [hues.flatten(2).aminmax(dim=2) for hues in covering]
        low = torch.stack([end.min for end in ends]).amin(0)[..., None, None]
        high = torch.stack([end.max for end in ends]).amax(0)[..., None, None]
        total += region.area * torch.minimum(torch.maximum(moved, low), high)
        share += region.area
    fitted = guided_filter(torch.where(share > 0, total / share.clamp_min(1e-6), colors), lightness, RADIUS, EPSILON)
    return fit_gamut(from_space(torch.cat([lightness, fitted], 1), "lab")).clamp(0, 1)
