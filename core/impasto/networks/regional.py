"""Features changed region by region, each region by the styles that cover it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..stage import covered_regions

FeatureMap = Callable[[Tensor], Tensor]
"""From features (B, C, h, w), whole or of a tile, to features of the same shape."""


def map_by_region(features: Tensor, guides: Tensor | None, maps: Mapping[int, FeatureMap]) -> Tensor:
    """Return features changed in each region by the map of its own.

    Args:
        features: (B, C, h, w).
        guides: (1 or B, K, H, W), regions in pixels, or what `region_masks` makes of them; None: one everywhere.
        maps: by index of their region; where there is none, and outside of all regions, features stay as they are.

    Returns:
        (B, C, h, w); where regions meet inside a position, the mixture of their features.

    Example:
        >>> left = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
        >>> map_by_region(torch.ones(1, 1, 1, 4), left, {0: lambda features: 3 * features}).flatten().tolist()
        [3.0, 3.0, 1.0, 1.0]
    """
    result = features
    for region in covered_regions(None if guides is None else region_masks(guides, features)):
        if region.index in maps:
            changed = maps[region.index](features)
            result = changed if region.area is None else result + region.area * (changed - features)
    return result


def region_masks(guides: Tensor, features: Tensor) -> Tensor:
    """Return how much of each region lies at each position of some features, (1 or B, K, h, w) in [0, 1].

    Args:
        guides: (1 or B, K, H, W), in pixels; in positions of the features already, they are given back.
        features: (B, C, h, w).

    Example:
        >>> import torch
        >>> region_masks(torch.ones(1, 2, 64, 64), torch.zeros(1, 128, 16, 16)).shape
        torch.Size([1, 2, 16, 16])
    """
    size = (features.shape[-2], features.shape[-1])
    return guides if guides.shape[-2:] == size else F.adaptive_avg_pool2d(guides, size)


def fill_empty(mask: Tensor) -> Tensor:
    """Return a mask (B, 1, h, w) that is 1 everywhere in the pictures in which it was 0 everywhere.

    Statistics are then defined in those pictures too, and nothing of them is painted.

    Example:
        >>> import torch
        >>> fill_empty(torch.stack([torch.zeros(1, 2, 2), torch.full((1, 2, 2), 0.5)])).amax((1, 2, 3)).tolist()
        [1.0, 0.5]
    """
    return torch.where(mask.flatten(1).any(1)[:, None, None, None], mask, 1.0)
