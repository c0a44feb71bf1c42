"""Linear maps between features by ridge regression, and the channels that predict the others best."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional import in_double


def ridge_regression(inputs: Tensor, outputs: Tensor, ridge: float = 1e-4) -> Tensor:
    """Return the matrix (I, O) of the linear map from inputs (N, I) to outputs (N, O) with the least squared error.

    Args:
        inputs: (N, I).
        outputs: (N, O).
        ridge: weight of the map's own squares, relative to the mean square of the inputs.

    Example:
        >>> inputs = torch.rand(100, 3)
        >>> torch.allclose(ridge_regression(inputs, 2 * inputs, ridge=1e-9), 2 * torch.eye(3), atol=1e-4)
        True
    """
    return solve_ridge(inputs.mT @ inputs / len(inputs), inputs.mT @ outputs / len(inputs), ridge)


def solve_ridge(moments: Tensor, cross: Tensor, ridge: float = 1e-4) -> Tensor:
    """Return what `ridge_regression` does, (I, O), by the mean products of the inputs that it has.

    Args:
        moments: (I, I), of the inputs with themselves.
        cross: (I, O), of the inputs with the outputs.
        ridge: see `ridge_regression`.

    Example:
        >>> solve_ridge(2 * torch.eye(3), torch.ones(3, 1), ridge=0).flatten().tolist()
        [0.5, 0.5, 0.5]
    """
    exact = in_double(moments)
    exact = exact + ridge * exact.diagonal().mean() * torch.eye(len(exact), dtype=torch.double, device=exact.device)
    solution: Tensor = torch.linalg.solve(exact, in_double(cross))
    return solution.float().to(moments.device)


def choose_channels(features: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the indices of the channels that linearly predict all others best, and their root mean squares.

    They are the pivots of a Cholesky factorisation of the channels' second moments.

    Args:
        features: (B, C, H, W).
        count: how many of the C channels.

    Returns:
        (count,) and (count,).

    Example:
        >>> import torch
        >>> one = torch.randn(1, 1, 16, 16)
        >>> index, scale = choose_channels(torch.cat([one, 2 * one, 0.1 * torch.randn(1, 1, 16, 16)], 1), 2)
        >>> sorted(index.tolist())[-1], index.shape
        (2, torch.Size([2]))
    """
    flat = features.transpose(0, 1).flatten(1)
    moments = in_double(flat @ flat.mT / flat.shape[1])
    rest = moments.clone()
    chosen: list[int] = []
    for _ in range(count):
        gain = rest.square().sum(0) / rest.diagonal().clamp_min(1e-9 * moments.diagonal().max())
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        column = rest[:, best] / rest[best, best].clamp_min(1e-12).sqrt()
        rest = rest - column[:, None] * column[None]
    index = torch.tensor(chosen, device=moments.device, dtype=torch.long)
    scale = moments.diagonal()[index].clamp_min(1e-6).sqrt().float()
    return index.to(features.device), scale.to(features.device)
