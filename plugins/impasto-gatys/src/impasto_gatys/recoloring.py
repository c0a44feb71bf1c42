"""The start in the styles' colours: mean and covariance of each region, by the nearest linear map."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto import Style
from impasto.functional import statistics
from impasto.functional.losses import mixed
from impasto.stage import covers


def recolor(image: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
    """Return a picture with the mean and covariance of the styles' colours, by the nearest linear map.

    Args:
        image: (1, 3, h, w).
        styles: their guides have the same K as `guides`.
        guides: (1, K, h, w), regions that each take the colours of their own styles; None: one region.
    """
    result = image
    for number, region in enumerate((None,) if guides is None else guides.chunk(guides.shape[1], dim=1)):
        if region is not None and not region.any():
            continue
        covering = [style for style in styles if covers(style, number)]
        parts = [None if style.guides is None else style.guides[:, number : number + 1] for style in covering]
        colors = [statistics.covariance(style.image, part) for style, part in zip(covering, parts, strict=True)]
        target_mean, target_covariance = mixed(colors, [style.weight for style in covering])
        mean, covariance = statistics.covariance(image, region)
        monge_map = statistics.transport(covariance, target_covariance)
        recolored = (monge_map @ (image - mean).flatten(2)).view_as(image) + target_mean
        result = recolored if region is None else result + region * (recolored - image)
    return result
