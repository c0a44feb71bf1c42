"""Adaptive instance normalisation, as functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import statistics
from impasto.feedforward import Part
from impasto.stage import once

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
    return moved(content, content_area, [Part(style, style_area, 1.0)])


def moved(content: Tensor, area: Tensor | None, parts: Sequence[Part]) -> Tensor:
    """Return content features with the weighted mean of the styles' means and deviations.

    That is the same as the weighted mean of `adain` for each style (section 7.2 of the paper).  Weights beyond
    0 and 1 lead past a style; a deviation that would then turn negative, and the picture inside out, stops at 0.
    """
    moments = [once(statistics.mean_std, part.features, part.area) for part in parts]
    goal = torch.stack([part.share * mean for part, (mean, _) in zip(parts, moments, strict=True)]).sum(0)
    spread = torch.stack([part.share * std for part, (_, std) in zip(parts, moments, strict=True)]).sum(0)
    mean, std = statistics.mean_std(content, area)
    return (content - mean) / std * spread.clamp_min(0) + goal


@statistics.in_float32
def turned(content: Tensor, area: Tensor | None, parts: Sequence[Part]) -> Tensor:
    """Return content features with the styles' means and covariances, by the weighted mean of the maps that move least.

    Deviations leave it to the content which channels go together, and so its palette shows through; covariances
    do not (Lu et al. 2019).
    """
    mean, spread = statistics.covariance(content, area)
    change, goal = torch.zeros_like(spread), torch.zeros_like(mean)
    for part in parts:
        centre, shape = once(statistics.covariance, part.features, part.area)
        change = change + part.share * statistics.transport(spread, shape)
        goal = goal + part.share * centre
    centred = content.float() - mean
    return (change @ centred.flatten(2)).view_as(centred) + goal


STATISTICS = {"mean-std": moved, "covariance": turned}
