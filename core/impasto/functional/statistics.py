"""Statistics of features and colours: mean and deviation, Gram, covariance, whitening.  All in float32.

Every function takes features (B, C, H, W) of any float type and, where a region matters, weights
(B or 1, 1, H, W) of 0 or more that say how much each position counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from operator import add
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from .precision import in_double

P = ParamSpec("P")
Result = TypeVar("Result")


def in_float32(function: Callable[Concatenate[Tensor, P], Result]) -> Callable[Concatenate[Tensor, P], Result]:
    """Have a function of a tensor compute outside autocast, whose matrix products round to bfloat16.

    Args:
        function: its first argument is a tensor, of any shape.

    Example:
        >>> import torch
        >>> @in_float32
        ... def product(one, other):
        ...     return one @ other
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     product(torch.ones(2, 2), torch.ones(2, 2)).dtype
        torch.float32
    """

    @wraps(function)
    def outside(tensor: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with torch.autocast(tensor.device.type, enabled=False):
            return function(tensor, *args, **kwargs)

    return outside


def flatten(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return features as float32 (B, C, N) and weights as shares (B or 1, 1, N) that sum to 1.

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Raises:
        ValueError: the weights of a picture are all zero.

    Example:
        >>> import torch
        >>> flat, shares = flatten(torch.zeros(1, 8, 4, 4), torch.ones(1, 1, 4, 4))
        >>> flat.shape, shares.sum().item()
        (torch.Size([1, 8, 16]), 1.0)
    """
    flat = features.flatten(2).float()
    if weights is None:
        return flat, None
    shares = weights.flatten(2).float()
    total = shares.sum(-1, keepdim=True)
    if not (total > 0).all():
        raise ValueError(
            "statistics: the region is empty: no position has a weight above 0\n"
            "  what would work: weights above 0 somewhere in each picture, or None for everywhere"
        )
    return flat, shares / total


@in_float32
def mean(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean of each channel, (B, C, 1, 1).

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Raises:
        ValueError: the weights of a picture are all zero.

    Example:
        >>> import torch
        >>> mean(torch.ones(1, 2, 4, 4)).flatten().tolist()
        [1.0, 1.0]
    """
    flat, shares = flatten(features, weights)
    means = flat.mean(-1) if shares is None else (flat * shares).sum(-1)
    return means[..., None, None]


@in_float32
def variance(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of each channel, both (B, C, 1, 1).

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Raises:
        ValueError: the weights of a picture are all zero.

    Example:
        >>> import torch
        >>> centre, spread = variance(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2))
        >>> centre.item(), spread.item()
        (1.0, 1.0)
    """
    flat, shares = flatten(features, weights)
    if shares is None:
        centre = flat.mean(-1, keepdim=True)
        spread = (flat - centre).square_().mean(-1)
    else:
        centre = (flat * shares).sum(-1, keepdim=True)
        spread = (flat - centre).square_().mul_(shares).sum(-1)
    return centre[..., None], spread[..., None, None]


def mean_std(features: Tensor, weights: Tensor | None = None, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation of each channel, both (B, C, 1, 1).

    Args:
        features: (B, C, H, W).
        weights: (B or 1, 1, H, W), how much each position counts; None counts all alike.
        eps: added to the variance, so that the gradient of a flat channel is finite.

    Example:
        >>> import torch
        >>> centre, spread = mean_std(torch.ones(1, 2, 4, 4))
        >>> centre.flatten().tolist()
        [1.0, 1.0]
    """
    centre, spread = variance(features, weights)
    return centre, (spread + eps).sqrt()


@in_float32
def gram(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the Gram matrices (B, C, C): the mean over positions of the products of channels (Gatys 2015).

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Raises:
        ValueError: the weights of a picture are all zero.

    Example:
        >>> import torch
        >>> gram(torch.ones(1, 2, 4, 4))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    flat, shares = flatten(features, weights)
    if shares is None:
        return flat @ flat.mT / flat.shape[-1]
    return (flat * shares) @ flat.mT


@in_float32
def covariance(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean (B, C, 1, 1) and the covariance (B, C, C, divided by N) of the channels.

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Raises:
        ValueError: the weights of a picture are all zero.

    Example:
        >>> import torch
        >>> centre, matrix = covariance(torch.randn(2, 8, 16, 16))
        >>> centre.shape, matrix.shape
        (torch.Size([2, 8, 1, 1]), torch.Size([2, 8, 8]))
    """
    flat, shares = flatten(features, weights)
    if shares is None:
        centre = flat.mean(-1, keepdim=True)
        centred = flat - centre
        return centre[..., None], centred @ centred.mT / flat.shape[-1]
    centre = (flat * shares).sum(-1, keepdim=True)
    centred = flat - centre
    return centre[..., None], (centred * shares) @ centred.mT


PART = 1 << 19
"""Values of features looked at together on the CPU: in its cache they are centred and squared for little."""

MeanSpread = Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor]]
"""`variance` or `covariance`: a function of features and weights that gives mean and spread."""


@dataclass(frozen=True)
class Moments:
    """Mean and spread of features; those of the parts of a picture add up to those of the whole.

    Args:
        mean: (B, C, 1, 1).
        spread: variances (B, C, 1, 1) or covariances (B, C, C).
        weight: (B or 1, 1, 1, 1), how much all positions count together.

    Example:
        >>> import torch
        >>> features = torch.rand(1, 8, 10, 12)
        >>> left, right = (Moments.of(part, covariance) for part in features.split(6, dim=-1))
        >>> torch.allclose((left + right).spread, covariance(features)[1], atol=1e-6)
        True
    """

    mean: Tensor
    spread: Tensor
    weight: Tensor

    @classmethod
    def of(cls, features: Tensor, statistic: MeanSpread, weights: Tensor | None = None) -> Moments:
        """Return the moments of features (B, C, H, W); a picture of which nothing counts has those of all of it."""
        if weights is None:
            rows = max(1, PART // max(1, features[..., :1, :].numel()))
            if rows < features.shape[-2] and features.device.type == "cpu" and not features.requires_grad:
                return reduce(add, (cls.of(part, statistic) for part in torch.split(features, rows, -2)))
            count = torch.full(
                (1, 1, 1, 1),
                float(features.shape[-2] * features.shape[-1]),
                device=features.device,
                dtype=torch.float32,
            )
            return cls(*statistic(features, None), count)
        weight = weights.float().sum((1, 2, 3), keepdim=True)
        return cls(*statistic(features, torch.where(weight > 0, weights, 1.0)), weight)

    def std(self, eps: float = 1e-5) -> Tensor:
        """Return the deviations of the channels, (B, C, 1, 1), from their variances: see `mean_std`."""
        return (self.spread + eps).sqrt()

    def __add__(self, other: Moments) -> Moments:
        # Chan, Golub and LeVeque 1979: sums of squares would lose what is small beside the mean.
        weight = self.weight + other.weight
        share = other.weight / weight.clamp_min(torch.finfo(weight.dtype).tiny)
        step = other.mean - self.mean
        if self.spread.ndim == 4:
            between, part = step.square(), share
        else:
            flat, part = step.flatten(2), share[..., 0]
            with torch.autocast(flat.device.type, enabled=False):
                between = flat @ flat.mT
        spread = self.spread.lerp(other.spread, part) + part * (1 - part) * between
        return Moments(self.mean + share * step, spread, weight)


def variance_moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Return the means and variances of features (B, C, H, W): a summary for `FeatureTransform`.

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Example:
        >>> import torch
        >>> variance_moments(torch.rand(1, 8, 4, 4)).mean.shape
        torch.Size([1, 8, 1, 1])
    """
    return Moments.of(features, variance, weights)


def covariance_moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Return the means and covariances of features (B, C, H, W): a summary for `FeatureTransform`.

    Args:
        features: (B, C, H, W).
        weights: (1 or B, 1, H, W), how much each position counts; None: all alike.

    Example:
        >>> import torch
        >>> covariance_moments(torch.rand(1, 8, 4, 4)).mean.shape
        torch.Size([1, 8, 1, 1])
    """
    return Moments.of(features, covariance, weights)


@in_float32
def eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues (B, C), ascending, and eigenvectors (B, C, C) of symmetric matrices, finite for finite ones.

    LAPACK's float32 solver gives NaN, without a word, for some matrices of low rank: covariances of features
    with dead channels are such.  Lifted off zero by a ten-millionth of the largest entry none was found to; if one
    does, it is solved in float64.

    Args:
        matrix: (B, C, C), symmetric.

    Example:
        >>> import torch
        >>> values, vectors = eigh(torch.diag(torch.tensor([1.0, 4.0]))[None])
        >>> values.round().tolist()
        [[1.0, 4.0]]
    """
    scale = matrix.float().abs().amax((-2, -1), keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    lift = 1e-7
    eye = torch.eye(matrix.shape[-1], device=matrix.device, dtype=torch.float32)
    unit = matrix / scale + lift * eye
    values, vectors = torch.linalg.eigh(unit)
    if not (values.isfinite().all() and vectors.isfinite().all()):
        values, vectors = (x.to(unit) for x in torch.linalg.eigh(in_double(unit).cpu()))
    return (values - lift) * scale[..., 0], vectors


@in_float32
def matrix_power(matrix: Tensor, exponent: float, floor: float = 1e-5) -> Tensor:
    """Return a real power of symmetric positive semidefinite matrices (B, C, C), by eigenvalues.

    Directions whose eigenvalue is below `floor` times the largest carry no signal; they are dropped, so a
    power of -0.5 whitens flat or tiny regions without ever dividing by nothing.

    Args:
        matrix: (B, C, C).
        exponent: such as 0.5 or -0.5.
        floor: share of the largest eigenvalue.

    Example:
        >>> import torch
        >>> matrix_power(4 * torch.eye(2)[None], -0.5).round(decimals=3)[0].diagonal().tolist()
        [0.5, 0.5]
    """
    values, vectors = eigh(matrix)
    kept = values > floor * values[..., -1:].clamp_min(torch.finfo(values.dtype).tiny)
    powers = torch.where(kept, values.clamp_min(torch.finfo(values.dtype).tiny) ** exponent, 0.0)
    product: Tensor = (vectors * powers[..., None, :]) @ vectors.mT
    return product


@in_float32
def transport(source: Tensor, goal: Tensor, floor: float = 1e-5) -> Tensor:
    """Return C^-½ (C^½ S C^½)^½ C^-½: of all linear maps from covariance C to S the one that moves least.

    Args:
        source: covariances C, (B, C, C); directions below `floor` times the largest are not moved into.
        goal: covariances S, likewise.
        floor: see `matrix_power`.

    Gelbrich 1990; for style transfer Lu et al. 2019.

    Example:
        >>> import torch
        >>> transport(torch.eye(2)[None], 9 * torch.eye(2)[None])[0].diagonal().round().tolist()
        [3.0, 3.0]
    """
    root, whiten = matrix_power(source, 0.5, floor), matrix_power(source, -0.5, floor)
    # Between the roots eigenvalues are those of products of variances.
    return whiten @ matrix_power(root @ goal.float() @ root, 0.5, floor * floor) @ whiten
