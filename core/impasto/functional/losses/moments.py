"""Style statistics that are moments of features: Gram matrix, covariance, mean, deviation."""

from __future__ import annotations

from torch import Tensor

from .. import statistics
from .relative import TINY, Measurement, relative_distance, sum_of_squares


def measure_gram(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the Gram matrix (1, C, C), the statistic of Gatys, Ecker and Bethge 2015.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W), how much each position counts; None: all alike.

    Example:
        >>> import torch
        >>> [one.shape for one in measure_gram(torch.rand(1, 8, 4, 4))]
        [torch.Size([1, 8, 8])]
    """
    return (statistics.gram(features, weights),)


def measure_covariance(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean (1, C, 1, 1) and the covariance (1, C, C), the Gram matrix of centred features.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W), how much each position counts; None: all alike.

    Example:
        >>> import torch
        >>> [one.shape for one in measure_covariance(torch.rand(1, 8, 4, 4))]
        [torch.Size([1, 8, 1, 1]), torch.Size([1, 8, 8])]
    """
    return statistics.covariance(features, weights)


def covariance_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the relative errors of mean and covariance, one half each.

    Args:
        found: mean (1, C, 1, 1) and covariance (1, C, C).
        target: likewise, of the style.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> style = measure_covariance(torch.rand(1, 8, 4, 4))
        >>> covariance_distance(style, style).item()
        0.0
    """
    return (relative_distance(found[:1], target[:1]) + relative_distance(found[1:2], target[1:2])) / 2


def measure_mean_std(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean and the deviation of each channel, the "BN statistics" of Li et al. 2017.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W), how much each position counts; None: all alike.

    Returns:
        Both (1, C, 1, 1).

    Example:
        >>> import torch
        >>> mean, std = measure_mean_std(torch.ones(1, 8, 4, 4))
        >>> mean.shape
        torch.Size([1, 8, 1, 1])
    """
    return statistics.mean_std(features, weights)


def measure_mean(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean of each channel: the mean embedding of the linear kernel x·y (Li et al. 2017).

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W), how much each position counts; None: all alike.

    Returns:
        (1, C, 1, 1), alone.

    Example:
        >>> import torch
        >>> [one.shape for one in measure_mean(torch.rand(1, 8, 4, 4))]
        [torch.Size([1, 8, 1, 1])]
    """
    return (statistics.mean(features, weights),)


def measure_polynomial(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the Gram matrix and the mean: all that the kernel (x·y + c)² sees (Li et al. 2017).

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W), how much each position counts; None: all alike.

    Returns:
        (1, C, C) and (1, C, 1, 1).

    Example:
        >>> import torch
        >>> [one.shape for one in measure_polynomial(torch.rand(1, 8, 4, 4))]
        [torch.Size([1, 8, 8]), torch.Size([1, 8, 1, 1])]
    """
    return statistics.gram(features, weights), statistics.mean(features, weights)


def polynomial_distance(found: Measurement, target: Measurement, offset: float = 1.0) -> Tensor:
    """Return the MMD² of the kernel (x·y + c)², relative to what the target's embedding varies by.

    Expanding the square gives MMD² = ‖G - A‖² + 2c ‖m - a‖²; with c = 0 it is the Gram loss.

    Args:
        found: Gram matrix and mean.
        target: likewise, of the style.
        offset: c in units of the style's mean squared length of a feature vector.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> style = measure_polynomial(torch.rand(1, 8, 4, 4))
        >>> polynomial_distance(style, style).item()
        0.0
    """
    c = offset * target[0].diagonal(dim1=-2, dim2=-1).sum()
    error = sum_of_squares(found[0] - target[0]) + 2 * c * sum_of_squares(found[1] - target[1])
    return error / (sum_of_squares(target[0]) + 2 * c * sum_of_squares(target[1])).clamp_min(TINY)
