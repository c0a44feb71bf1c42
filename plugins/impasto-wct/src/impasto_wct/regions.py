"""Features of styles by region, for transforms that need the features themselves and not only their moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from impasto import Style
from impasto.networks import FeatureMap, fill_empty, map_by_region, region_masks
from impasto.stage import Region, covered_regions, remember


@dataclass(frozen=True)
class StyleFeatures:
    """What one style gives to one region.

    Args:
        features: (1 or B, C, h, w), of the whole style picture.
        mask: (1 or B, 1, h, w), how much each position counts; None: all alike.
        share: its weight among the styles of the region; the shares sum to 1.
    """

    features: Tensor
    mask: Tensor | None
    share: float


RegionTransform = Callable[[Tensor, Tensor | None, Sequence[StyleFeatures]], Tensor]
"""From features (B, C, h, w), the region's mask (1 or B, 1, h, w) or None, and its styles: the changed features."""


def transform_by_region(
    features: Tensor,
    guides: Tensor | None,
    styles: Sequence[Style],
    style_features: Sequence[Tensor],
    transform: RegionTransform,
) -> Tensor:
    """Return features transformed region by region with the styles that cover it; outside of all, as they are.

    Args:
        features: (B, C, h, w), of the content.
        guides: (1 or B, K, H, W), regions in pixels; None: one region everywhere.
        styles: with guides for the same regions (`align_styles`).
        style_features: of each style, (1 or B, C, h', w').
        transform: is applied to one region.

    Raises:
        StageError: weights of the styles of a region that sum to nothing.
    """

    def region_map(region: Region) -> FeatureMap:
        mask = None if region.area is None else fill_empty(region.area)
        own = features_for_region(styles, style_features, region)
        return lambda x: transform(x, mask, own)

    masks = None if guides is None else region_masks(guides, features)
    maps = {region.index: region_map(region) for region in covered_regions(masks, styles)}
    return map_by_region(features, masks, maps)


def features_for_region(
    styles: Sequence[Style], style_features: Sequence[Tensor], region: Region
) -> list[StyleFeatures]:
    """Return the features, masks and shares of the styles that cover a region."""
    own = []
    for place, share in zip(region.styles, region.shares, strict=True):
        guides, features = styles[place].guides, style_features[place]
        mask = None
        if guides is not None:
            size = (features.shape[-2], features.shape[-1])
            compute = partial(style_mask, guides, region.index, size)
            mask = remember(guides, ("mask", region.index, size), compute)
        own.append(StyleFeatures(features, mask, share))
    return own


def style_mask(guides: Tensor, region: int, size: tuple[int, int]) -> Tensor:
    """Return the part of a style that covers a region, (1 or B, 1, h, w), averaged down to the size of features."""
    return fill_empty(F.adaptive_avg_pool2d(guides[:, region : region + 1], size))
