"""Distances relative to what is to be reached: 1 means as far off as a black picture."""

from __future__ import annotations

from torch import Tensor

Measurement = tuple[Tensor, ...]
"""A few small tensors that features are reduced to."""

TINY = 1e-12


def relative_error(estimate: Tensor, truth: Tensor, dim: tuple[int, ...] | None = None) -> Tensor:
    """Return the squared error of an estimate relative to the truth's squared norm.

    Args:
        estimate: of any shape.
        truth: of the same shape.
        dim: the dimensions that are summed over; None: all, for a scalar.

    Example:
        >>> import torch
        >>> relative_error(torch.zeros(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).item()
        1.0
    """
    return (estimate - truth).square().sum(dim) / truth.square().sum(dim).clamp_min(TINY)


def relative_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the squared distance of two measurements over the squared norm of the target, a scalar.

    Args:
        found: a measurement, tensors of any shape.
        target: another one, of the same shapes.

    Example:
        >>> import torch
        >>> relative_distance((torch.zeros(1, 8),), (torch.ones(1, 8),)).item()
        1.0
    """
    error = sum((sum_of_squares(a - b) for a, b in zip(found, target, strict=True)), found[0].new_zeros(()))
    power = sum((sum_of_squares(b) for b in target), found[0].new_zeros(()))
    return error / power.clamp_min(TINY)


def sum_of_squares(tensor: Tensor) -> Tensor:
    """Return the sum of squares, a scalar."""
    return tensor.square().sum()


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of features (1, C, H, W) relative to the target's power (Gatys 2016, eq. 1).

    Args:
        features: (1, C, H, W), of the picture so far.
        target: (1, C, H, W), of the content.

    Example:
        >>> import torch
        >>> content_loss(torch.zeros(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).item()
        1.0
    """
    return relative_error(features.float(), target.float())


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of (1, 3, H, W), a scalar.

    Squared (Mahendran and Vedaldi 2015, β = 2): it takes the grain and leaves the edges of strokes.

    Args:
        image: (1, 3, H, W).

    Example:
        >>> import torch
        >>> total_variation(torch.ones(1, 3, 8, 8)).item()
        0.0
    """
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., 1:] - image[..., :-1]
    return down.square().mean() + right.square().mean()
