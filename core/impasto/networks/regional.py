"""Features changed region by region, each region by the styles that cover it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import StageError
from ..stage import Style, covers

FeatureMap = Callable[[Tensor], Tensor]
"""From features (B, C, h, w), whole or of a tile, to features of the same shape."""


def map_by_region(features: Tensor, guides: Tensor | None, maps: Sequence[FeatureMap | None]) -> Tensor:
    """Return features changed in each region by the map of its own.

    Args:
        features: (B, C, h, w).
        guides: (1 or B, K, H, W), regions in pixels; None: one region everywhere.
        maps: one for each region; where it is None, and outside of all regions, features stay as they are.

    Returns:
        (B, C, h, w); where regions meet inside a position, the mixture of their features.

    Example:
        >>> left = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
        >>> map_by_region(torch.ones(1, 1, 1, 4), left, [lambda features: 3 * features]).flatten().tolist()
        [3.0, 3.0, 1.0, 1.0]
    """
    if guides is None:
        return features if maps[0] is None else maps[0](features)
    result = features
    for mask, change in zip(region_masks(guides, features), maps, strict=True):
        if change is not None and mask.any():
            result = result + mask * (change(features) - features)
    return result


def region_masks(guides: Tensor, features: Tensor) -> tuple[Tensor, ...]:
    """Return how much of each region lies at each position of some features, K masks (1 or B, 1, h, w) in [0, 1]."""
    return torch.split(F.adaptive_avg_pool2d(guides, (features.shape[-2], features.shape[-1])), 1, dim=1)


def fill_empty(mask: Tensor) -> Tensor:
    """Return a mask (B, 1, h, w) that is 1 everywhere in the pictures in which it was 0 everywhere.

    Statistics are then defined in those pictures too, and nothing of them is painted.
    """
    return torch.where(mask.flatten(1).any(1)[:, None, None, None], mask, 1.0)


def is_covered(styles: Sequence[Style], region: int) -> bool:
    """Return whether any of the styles covers a region."""
    return any(covers(style, region) for style in styles)


def style_shares(styles: Sequence[Style], region: int) -> list[tuple[int, float]]:
    """Return the indices of the styles that cover a region, and their weights, normalised to sum to 1.

    Raises:
        StageError: weights that sum to nothing.

    Example:
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> style_shares([Style(picture, weight=1.0), Style(picture, weight=3.0)], region=0)
        [(0, 0.25), (1, 0.75)]
    """
    weights = [(index, style.weight) for index, style in enumerate(styles) if covers(style, region)]
    total = sum(weight for _, weight in weights)
    if abs(total) < 1e-6:
        raise StageError(
            f"the weights of the styles, {', '.join(f'{weight:g}' for _, weight in weights)}, sum to {total:g}\n"
            "  what would work: weights with another sum; only their proportions count"
        )
    return [(index, weight / total) for index, weight in weights]
