"""Adaptive instance normalisation, as functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.functional import statistics
from impasto.functional.statistics import Moments
from impasto.networks import Exchange, Goal, Map, linear

LAYER = "relu4_1"


def adain(
    content: Tensor, style: Tensor, content_area: Tensor | None = None, style_area: Tensor | None = None
) -> Tensor:
    """Return content features with the style's mean and deviation, channel by channel.

    Args:
        content: (B, C, h, w), of any float type.
        style: (1 or B, C, h', w').
        content_area: (1 or B, 1, h, w), how much each position counts; None counts all alike.
        style_area: likewise, for the style.

    Returns:
        Float32 features like the content's, σ(s) (c − μ(c)) / σ(c) + μ(s): Huang and Belongie 2017, equation 8.

    Example:
        >>> import torch
        >>> moved = adain(torch.rand(1, 8, 16, 16), 2 + 3 * torch.rand(1, 8, 12, 20))
        >>> bool(2.9 < moved.mean() < 4.1)
        True
    """
    goal = Goal(Moments.of(style, statistics.variance, style_area), 1.0)
    return moved(Moments.of(content, statistics.variance, content_area), [goal])(content)


def moved(source: Moments, goals: Sequence[Goal]) -> Map:
    """Return the map to the weighted mean of the styles' means and deviations.

    That is the same as the weighted mean of `adain` for each style (section 7.2 of the paper).  Weights beyond
    0 and 1 lead past a style; a deviation that would then turn negative, and the picture inside out, stops at 0.

    Args:
        source: means and variances of the content.
        goals: those of the styles.
    """
    mean = torch.stack([goal.share * goal.moments.mean for goal in goals]).sum(0)
    spread = torch.stack([goal.share * goal.moments.std() for goal in goals]).sum(0)
    scale = spread.clamp_min(0) / source.std()
    shift = mean - source.mean * scale
    return lambda features: torch.addcmul(shift, features, scale)


def turned(source: Moments, goals: Sequence[Goal]) -> Map:
    """Return the map to the styles' means and covariances: the weighted mean of those that move least.

    Deviations leave it to the content which channels go together, and so its palette shows through; covariances
    do not (Lu et al. 2019).
    """
    return linear(source, goals, statistics.transport)


STATISTICS = {
    "mean-std": Exchange(statistics.variance, moved),
    "covariance": Exchange(statistics.covariance, turned),
}
