"""Systems of weighted Laplacians on the pixel grid, by conjugate gradients with a multigrid preconditioner."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional.solvers import conjugate_gradients

STEPS = 500
"""Steps of the solver after which it gives up, with a warning."""
SWEEPS = 2
"""Sweeps of damped Jacobi before and after the visit to the coarser grid."""
DAMPING = 0.8
COARSEST = 64
"""Pixels; a grid of no more is solved directly."""


class GridLaplacian:
    """The matrix of Σ data x_i² + Σ edge (x_i − x_j)² over pixels and pairs of neighbours, as an operator on maps.

    Args:
        across: (B or 1, 1, H, W − 1), 0 or more, edge weights between a pixel and its right neighbour.
        down: (B or 1, 1, H − 1, W), likewise its lower neighbour.
        data: (B or 1, 1, H, W), 0 or more, the weight of the data term: how strongly a pixel is held to a target.
    """

    def __init__(self, across: Tensor, down: Tensor, data: Tensor) -> None:
        self.across, self.down, self.data = across, down, data
        self.diagonal = data + F.pad(across, (0, 1)) + F.pad(across, (1, 0))
        self.diagonal = self.diagonal + F.pad(down, (0, 0, 0, 1)) + F.pad(down, (0, 0, 1, 0))

    def __call__(self, values: Tensor) -> Tensor:
        """Return the matrix times maps (B, C, H, W)."""
        result = self.diagonal * values
        result[..., :-1].addcmul_(self.across, values[..., 1:], value=-1)
        result[..., 1:].addcmul_(self.across, values[..., :-1], value=-1)
        result[..., :-1, :].addcmul_(self.down, values[..., 1:, :], value=-1)
        result[..., 1:, :].addcmul_(self.down, values[..., :-1, :], value=-1)
        return result

    def coarser(self) -> GridLaplacian:
        """Return that of blocks of 2×2 pixels, as the sum of squares over them is.

        A block's sum weights edges twice too strongly for the distance of their centres (Braess 1995), hence halves.
        """
        height, width = self.data.shape[-2:]
        odd = (0, width % 2, 0, height % 2)
        data = 4 * F.avg_pool2d(F.pad(self.data, odd), 2)
        across = _pair_means(F.pad(self.across[..., 1::2], (0, 0, 0, height % 2)), -2)
        down = _pair_means(F.pad(self.down[..., 1::2, :], (0, width % 2)), -1)
        return GridLaplacian(across, down, data)


def _pair_means(values: Tensor, dim: int) -> Tensor:
    """Return the means of pairs along a dimension; pooling refuses a grid one pixel wide, which has no neighbours."""
    first, second = (values.transpose(dim, -1)[..., start::2].transpose(dim, -1) for start in (0, 1))
    return (first + second) / 2


def divergence(across: Tensor, down: Tensor) -> Tensor:
    """Return the transpose of the differences: for a picture's own, minus its Laplacian.

    Args:
        across: (B, C, H, W − 1), a value for each pair of neighbours in a row.
        down: (B, C, H − 1, W), for each in a column.

    Returns:
        (B, C, H, W).
    """
    beside = F.pad(across, (1, 0)) - F.pad(across, (0, 1))
    return beside + F.pad(down, (0, 0, 1, 0)) - F.pad(down, (0, 0, 0, 1))


class Multigrid:
    """A V-cycle over ever coarser grids: close to the inverse of a grid's matrix, symmetric and positive.

    What edges of weight 0 leave free is smooth, so coarser grids hold one value for a block of pixels.  The matting
    Laplacian leaves free what is linear in the colours: its multigrid (`impasto.functional.matting`) is another one.
    """

    def __init__(self, grid: GridLaplacian) -> None:
        self.grids = [grid]
        while self.grids[-1].data.shape[-2] * self.grids[-1].data.shape[-1] > COARSEST:
            self.grids.append(self.grids[-1].coarser())
        self.scales = [DAMPING / level.diagonal.clamp_min(1e-12) for level in self.grids]
        last = self.grids[-1].data
        count = last.shape[-2] * last.shape[-1]
        dots = torch.eye(count, dtype=last.dtype, device=last.device).view(1, count, *last.shape[-2:])
        matrix = self.grids[-1](dots).flatten(2)
        # Pixels without a data term are free to move together; the preconditioner may hold them a little.
        ridge = 1e-6 * matrix.diagonal(dim1=-2, dim2=-1).amax(-1).clamp_min(1e-12)
        self.inverse = torch.linalg.inv(
            matrix + ridge[:, None, None] * torch.eye(count, dtype=torch.float32, device="cpu").to(matrix)
        )

    def __call__(self, residual: Tensor, level: int = 0) -> Tensor:
        """Return an approximate solution for a right-hand side (B, C, H, W)."""
        if level == len(self.grids) - 1:
            solved: Tensor = residual.flatten(2) @ self.inverse
            return solved.view_as(residual)
        grid, scale = self.grids[level], self.scales[level]
        values = scale * residual
        for _ in range(SWEEPS - 1):
            values.addcmul_(scale, residual - grid(values))
        height, width = residual.shape[-2:]
        rest = F.pad(residual - grid(values), (0, width % 2, 0, height % 2))
        below = self(4 * F.avg_pool2d(rest, 2), level + 1)
        values = values + below.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., :height, :width]
        for _ in range(SWEEPS):
            values.addcmul_(scale, residual - grid(values))
        return values


def solve(grid: GridLaplacian, right: Tensor, start: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Return x with (diag(data) + ∇ᵀ edges ∇) x = right.

    Args:
        grid: the matrix; a part of it without a data term is solved up to a constant, which is the start's.
        right: (B, C, H, W).
        start: (B, C, H, W), where the search begins.
        tolerance: norm of the residual at which to stop, relative to that of the right-hand side.

    Returns:
        (B, C, H, W).  A UserWarning says if the tolerance was not reached.

    Example:
        >>> import torch
        >>> ones = torch.ones(1, 1, 9, 7)
        >>> grid = GridLaplacian(ones[..., 1:], ones[..., 1:, :], 0.01 * ones)
        >>> values = torch.rand(1, 3, 9, 7)
        >>> torch.allclose(solve(grid, grid(values), torch.zeros_like(values)), values, atol=1e-2)
        True
    """
    with torch.autocast(right.device.type, enabled=False):
        limit = tolerance * right.square().sum((-2, -1), keepdim=True).sqrt()
        # Asking a GPU whether to go on makes it wait, so it is not asked at each step.
        solution = conjugate_gradients(
            grid, Multigrid(grid), start.clone(), right - grid(start), limit, steps=STEPS, every=4
        )
    if solution.excess > 1:
        warnings.warn(
            f"after {STEPS} steps the system is solved to {solution.excess * tolerance:.1g} only, "
            f"not to {tolerance:g}\n"
            "  what would work: gentler parameters",
            stacklevel=2,
        )
    return solution.values
