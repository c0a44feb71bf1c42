"""Metrics of deep features: how much of the content is there, and how much of the style."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..losses import relative_error
from ..statistics import gram, mean_std

ROWS = 64
"""Positions whose similarities to all others are held at once."""
TINY = 1e-12


def content_loss(result_features: Mapping[str, Tensor], content_features: Mapping[str, Tensor]) -> Tensor:
    """Return the squared error of the deepest features relative to the content's power (Gatys et al. 2016).

    Args:
        result_features: (B, C, H, W) by layer, shallow to deep.
        content_features: likewise, of the same sizes.

    Returns:
        (B,): 0 is the content itself, 1 as far off as a black picture's features of 0.

    Example:
        >>> content_loss({"relu4_1": torch.zeros(1, 8, 4, 4)}, {"relu4_1": torch.ones(1, 8, 4, 4)})
        tensor([1.])
    """
    layer = list(content_features)[-1]
    return relative_error(result_features[layer].float(), content_features[layer].float(), (1, 2, 3))


def gram_loss(result_features: Mapping[str, Tensor], style_features: Mapping[str, Tensor]) -> Tensor:
    """Return the squared errors of Gram matrices relative to the style's, summed over layers (Gatys et al. 2016).

    Args:
        result_features: (B, C, H, W) by layer.
        style_features: (B or 1, C, h, w) by layer, of any size.

    Returns:
        (B,).

    Example:
        >>> style = {"relu1_1": torch.ones(1, 8, 4, 4), "relu2_1": torch.ones(1, 8, 2, 2)}
        >>> gram_loss({layer: 0 * features for layer, features in style.items()}, style)
        tensor([2.])
    """
    errors = [relative_error(gram(result_features[layer]), gram(x), (1, 2)) for layer, x in style_features.items()]
    return torch.stack(errors).sum(0)


def mean_std_loss(result_features: Mapping[str, Tensor], style_features: Mapping[str, Tensor]) -> Tensor:
    """Return the squared errors of channels' means and deviations relative to the style's, summed over layers.

    The style loss of Huang and Belongie 2017, made relative, so that layers count alike.

    Args:
        result_features: (B, C, H, W) by layer.
        style_features: (B or 1, C, h, w) by layer, of any size.

    Returns:
        (B,).

    Example:
        >>> style = {"relu1_1": torch.rand(1, 8, 4, 4)}
        >>> mean_std_loss(style, style)
        tensor([0.])
    """

    def moments(features: Tensor) -> Tensor:
        return torch.cat(mean_std(features), 1).flatten(1)

    errors = [relative_error(moments(result_features[layer]), moments(x), (1,)) for layer, x in style_features.items()]
    return torch.stack(errors).sum(0)


def feature_similarity_divergence(
    result_features: Mapping[str, Tensor], content_features: Mapping[str, Tensor]
) -> Tensor:
    """Return the content feature structural distance, CFSD (Chung, Hyun and Heo 2024).

    Each position's similarities to all others, softmax of F Fᵀ with F the features over their number of channels,
    are a distribution.  The measure is the Kullback-Leibler divergence of the result's from the content's, summed over
    positions.  It is taken at the layer before the deepest: relu3_1 of VGG-19's plan, as the paper has it.

    We depart in one thing: features are first divided by the root mean square of the content's.  Networks, and layouts
    of VGG-19 itself, differ in scale a hundredfold, and a softmax with them.  So numbers compare pictures of one size
    under one network, and not with those of the paper.

    Args:
        result_features: (B, C, H, W) by layer, shallow to deep.
        content_features: likewise, of the same sizes.

    Returns:
        (B,), in nats.

    Example:
        >>> content = {"relu3_1": torch.rand(1, 8, 4, 4)}
        >>> feature_similarity_divergence(content, content)
        tensor([0.])
    """
    layer = list(content_features)[-2:][0]
    found, truth = (features[layer].float().flatten(2).mT for features in (result_features, content_features))
    scale = truth.shape[2] * truth.square().mean((1, 2), keepdim=True).sqrt().clamp_min(TINY)
    found, truth = found / scale, truth / scale
    total = found.new_zeros(len(found))
    for start in range(0, found.shape[1], ROWS):
        rows = slice(start, start + ROWS)
        logits = truth[:, rows] @ truth.mT
        shares = logits.softmax(-1)
        # The divergence as log Σ p exp(x), where x, what logits differ by, has the mean 0 under p: a difference of the
        # logarithms of two nearly even distributions would be lost in rounding.
        apart = found[:, rows] @ found.mT - logits
        apart -= (shares * apart).sum(-1, keepdim=True)
        total += (shares * _exp_beyond_line(apart)).sum(-1).log1p().sum(1)
    return total


def _exp_beyond_line(x: Tensor) -> Tensor:
    """Return exp(x) - 1 - x, by its series where x is small and the difference would be lost in rounding."""
    # Not expm1, which on the CPU takes ten times as long as exp.
    series = x.square() * (0.5 + x * (1 / 6 + x / 24))
    return torch.where(x.abs() < 0.1, series, x.exp() - 1 - x)
