"""Adaptive instance normalisation, as functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.functional import statistics
from impasto.functional.statistics import Moments
from impasto.networks import FeatureMap, TargetSummary, affine_map

LAYER = "relu4_1"
LIFT = 0.05
"""Of the mean variance of the content's channels, added to the variance of every direction."""


def adain(
    content: Tensor, style: Tensor, content_area: Tensor | None = None, style_area: Tensor | None = None
) -> Tensor:
    """Return content features with the style's mean and deviation, channel by channel.

    Args:
        content: features (B, C, h, w), of any float type.
        style: features (1 or B, C, h', w').
        content_area: (1 or B, 1, h, w), how much each position counts; None: all alike.
        style_area: likewise, for the style.

    Returns:
        Float32 features like the content's, σ(s) (c − μ(c)) / σ(c) + μ(s): Huang and Belongie 2017, equation 8.

    Example:
        >>> import torch
        >>> features = adain(torch.rand(1, 8, 16, 16), 2 + 3 * torch.rand(1, 8, 12, 20))
        >>> bool(2.9 < features.mean() < 4.1)
        True
    """
    target = TargetSummary(statistics.variance_moments(style, style_area), 1.0)
    return mean_std_map(statistics.variance_moments(content, content_area), [target])(content)


def mean_std_map(source: Moments, targets: Sequence[TargetSummary[Moments]]) -> FeatureMap:
    """Return the map of features to the weighted mean of the styles' means and deviations, channel by channel.

    It is the weighted mean of `adain` for each style (section 7.2 of the paper).  Weights beyond 0 and 1 extrapolate
    past a style; a deviation that would then be negative, and turn the picture inside out, stops at 0.

    Args:
        source: means and variances of the content.
        targets: those of the styles.
    """
    mean = torch.stack([target.share * target.summary.mean for target in targets]).sum(0)
    std = torch.stack([target.share * target.summary.std() for target in targets]).sum(0)
    scale = std.clamp_min(0) / source.std()
    shift = mean - source.mean * scale
    return lambda features: torch.addcmul(shift, features, scale)


def monge_map(source: Moments, targets: Sequence[TargetSummary[Moments]]) -> FeatureMap:
    """Return the optimal-transport map of features to the styles' means and covariances, their weighted mean.

    Deviations leave it to the content which channels go together, and so its palette shows through; covariances
    do not (Lu et al. 2019).

    Args:
        source: means and covariances of the content.
        targets: those of the styles.
    """
    return affine_map(source, targets, smooth_transport)


def smooth_transport(source: Tensor, goal: Tensor) -> Tensor:
    """Return the optimal-transport map between covariances (B, C, C), both lifted by `LIFT`.

    Directions in which a flat picture hardly varies are then hardly enlarged: they hold its noise, and rounding, which
    is another one in each tile.  Covariances that are alike still give the identity.
    """
    lift = LIFT * torch.diag_embed(
        source.diagonal(dim1=1, dim2=2).mean(1, keepdim=True).expand(len(source), source.shape[1])
    )
    return statistics.transport(source + lift, goal + lift)
