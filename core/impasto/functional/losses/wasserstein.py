"""The Wasserstein-2 distance of Gaussians as a style loss."""

from __future__ import annotations

import torch
from torch import Tensor

from ..precision import in_double
from .relative import TINY, Measurement, sum_of_squares


def wasserstein2_target(measured: Measurement) -> Measurement:
    """Return the mean, the covariance A and its root, both regularised so that the root has a gradient.

    Args:
        measured: mean (1, C, 1, 1) and covariance (1, C, C).

    Example:
        >>> import torch
        >>> from impasto.functional.losses import measure_covariance
        >>> len(wasserstein2_target(measure_covariance(torch.rand(1, 8, 4, 4))))
        4
    """
    mean, covariance = measured[:2]
    # A flat style has no covariance: the mean then gives the scale that keeps the arithmetic away from zero.
    ridge = (1e-4 * _trace(covariance) + 1e-6 * sum_of_squares(mean)) / covariance.shape[-1] + TINY
    return mean, covariance, ridge, _square_root(_regularised(covariance, ridge))


def wasserstein2_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the squared Wasserstein-2 distance of two Gaussians, relative to the style's power.

    ‖m - a‖² + tr(C + A - 2 (A^½ C A^½)^½) (Gelbrich 1990): how far feature vectors must travel for their
    mean and covariance to be the style's.

    Args:
        found: mean (1, C, 1, 1) and covariance (1, C, C).
        target: of the style, as `wasserstein2_target` prepared it.

    Returns:
        A scalar.

    Example:
        >>> import torch
        >>> from impasto.functional.losses import measure_covariance
        >>> style = measure_covariance(torch.rand(1, 8, 16, 16))
        >>> bool(wasserstein2_distance(style, wasserstein2_target(style)) < 1e-3)
        True
    """
    mean, covariance, ridge, half = target
    regular = _regularised(found[1], ridge)
    values = torch.linalg.eigvalsh(half @ regular @ half)
    # Rounding may leave the smallest eigenvalues at zero, where the gradient of the root is infinite.
    shared = values.clamp_min(ridge.to(half).square() * 1e-3).sqrt().sum()
    traces = _trace(regular) + _trace(half @ half) - 2 * shared
    power = sum_of_squares(mean) + _trace(covariance)
    distance: Tensor = (sum_of_squares(found[0] - mean) + traces.to(mean.dtype).to(mean.device)) / power.clamp_min(TINY)
    return distance


def _regularised(matrix: Tensor, ridge: Tensor) -> Tensor:
    """Return a covariance in float64, which a root needs, with `ridge` on its diagonal."""
    exact = in_double(matrix)
    diagonal = ridge.to(exact).expand(exact.shape[-1]).diag_embed()
    return torch.add(exact, diagonal)


def _square_root(matrix: Tensor) -> Tensor:
    """Return the symmetric square root of a positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.matmul(vectors * values.clamp_min(0).sqrt()[..., None, :], vectors.mT)


def _trace(matrix: Tensor) -> Tensor:
    """Return the sum of traces of (B, C, C), a scalar."""
    return matrix.diagonal(dim1=-2, dim2=-1).sum()
