"""The start in the styles' colours: mean and covariance of each region, by the nearest linear map."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto import Style
from impasto.functional import statistics
from impasto.functional.losses import mean_measurement
from impasto.functional.resizing import resample, size_of
from impasto.stage import covered_regions

SHADES = 12
"""Patches of one shade along the longer side: an eye has its own, an eyelid not."""


def recolor(image: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
    """Return a picture with the mean and covariance of the styles' colours, by the nearest linear map.

    Args:
        image: (1, 3, h, w).
        styles: their guides have the same K as `guides`.
        guides: (1, K, h, w), regions that each take the colours of their own styles; None: one region.
    """
    result = image
    for region in covered_regions(guides, styles):
        covering = [styles[place] for place in region.styles]
        own = slice(region.index, region.index + 1)
        parts = [None if style.guides is None else style.guides[:, own] for style in covering]
        colors = [statistics.covariance(style.image, part) for style, part in zip(covering, parts, strict=True)]
        target_mean, target_covariance = mean_measurement(colors, region.weights)
        mean, covariance = statistics.covariance(image, region.area)
        monge_map = statistics.transport(covariance, target_covariance)
        recolored = (monge_map @ (image - mean).flatten(2)).view_as(image) + target_mean
        result = recolored if region.area is None else result + region.area * (recolored - image)
    return result


def with_shades_of(image: Tensor, other: Tensor) -> Tensor:
    """Return a picture with its own detail and, patch by patch, the mean colours of another one laid over it.

    Args:
        image: (1, 3, h, w).
        other: (1, 3, h, w).
    """
    height, width = size_of(image)
    coarse = (max(1, round(SHADES * height / max(height, width))), max(1, round(SHADES * width / max(height, width))))
    return (image + resample(resample(other - image, coarse), (height, width))).clamp(0, 1)
