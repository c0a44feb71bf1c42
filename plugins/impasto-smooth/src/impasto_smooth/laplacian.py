"""Systems of weighted Laplacians on the pixel grid, by conjugate gradients with a multigrid preconditioner."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor

STEPS = 500
"""Steps of the solver after which it gives up, with a warning."""
SWEEPS = 2
"""Sweeps of damped Jacobi before and after the visit to the coarser grid."""
DAMPING = 0.8
COARSEST = 64
"""Pixels; a grid of no more is solved directly."""


class Grid:
    """The matrix of Σ held x_i² + Σ tie (x_i − x_j)² over pixels and pairs of neighbours, as an operator on maps.

    Args:
        across: (B or 1, 1, H, W − 1), 0 or more, how strongly a pixel is tied to its right neighbour.
        down: (B or 1, 1, H − 1, W), likewise to its lower neighbour.
        held: (B or 1, 1, H, W), 0 or more, how strongly it is held to a target of its own.
    """

    def __init__(self, across: Tensor, down: Tensor, held: Tensor) -> None:
        self.across, self.down, self.held = across, down, held
        self.diagonal = held + F.pad(across, (0, 1)) + F.pad(across, (1, 0))
        self.diagonal = self.diagonal + F.pad(down, (0, 0, 0, 1)) + F.pad(down, (0, 0, 1, 0))

    def __call__(self, values: Tensor) -> Tensor:
        """Return the matrix times maps (B, C, H, W)."""
        result = self.diagonal * values
        result[..., :-1].addcmul_(self.across, values[..., 1:], value=-1)
        result[..., 1:].addcmul_(self.across, values[..., :-1], value=-1)
        result[..., :-1, :].addcmul_(self.down, values[..., 1:, :], value=-1)
        result[..., 1:, :].addcmul_(self.down, values[..., :-1, :], value=-1)
        return result


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


def coarser(grid: Grid) -> Grid:
    """Return the grid of blocks of 2×2 pixels, as the sum of squares over them is.

    A block's sum ties neighbours twice too strongly for the distance of their centres (Braess 1995), hence halves.
    """
    height, width = grid.held.shape[-2:]
    odd = (0, width % 2, 0, height % 2)
    held = 4 * F.avg_pool2d(F.pad(grid.held, odd), 2)
    across = halved(F.pad(grid.across[..., 1::2], (0, 0, 0, height % 2)), -2)
    down = halved(F.pad(grid.down[..., 1::2, :], (0, width % 2)), -1)
    return Grid(across, down, held)


def halved(values: Tensor, dim: int) -> Tensor:
    """Return the means of pairs along a dimension; pooling refuses a grid one pixel wide, which has no neighbours."""
    first, second = (values.transpose(dim, -1)[..., start::2].transpose(dim, -1) for start in (0, 1))
    return (first + second) / 2


class Multigrid:
    """A V-cycle over ever coarser grids: close to the inverse of a grid's matrix, symmetric and positive."""

    def __init__(self, grid: Grid) -> None:
        self.grids = [grid]
        while self.grids[-1].held.shape[-2] * self.grids[-1].held.shape[-1] > COARSEST:
            self.grids.append(coarser(self.grids[-1]))
        self.scales = [DAMPING / one.diagonal.clamp_min(1e-12) for one in self.grids]
        last = self.grids[-1].held
        count = last.shape[-2] * last.shape[-1]
        dots = torch.eye(count, dtype=last.dtype, device=last.device).view(1, count, *last.shape[-2:])
        matrix = self.grids[-1](dots).flatten(2)
        # Pixels held nowhere are free to move together; the preconditioner may hold them a little.
        ridge = 1e-6 * matrix.diagonal(dim1=-2, dim2=-1).amax(-1).clamp_min(1e-12)
        self.inverse = torch.linalg.inv(matrix + ridge[:, None, None] * torch.eye(count).to(matrix))

    def __call__(self, residual: Tensor, level: int = 0) -> Tensor:
        """Return an approximate solution for a right-hand side (B, C, H, W)."""
        if level == len(self.grids) - 1:
            solved: Tensor = residual.flatten(2) @ self.inverse
            return solved.view_as(residual)
        grid, scale = self.grids[level], self.scales[level]
        found = scale * residual
        for _ in range(SWEEPS - 1):
            found.addcmul_(scale, residual - grid(found))
        height, width = residual.shape[-2:]
        rest = F.pad(residual - grid(found), (0, width % 2, 0, height % 2))
        below = self(4 * F.avg_pool2d(rest, 2), level + 1)
        found = found + below.repeat_interleave(2, -1).repeat_interleave(2, -2)[..., :height, :width]
        for _ in range(SWEEPS):
            found.addcmul_(scale, residual - grid(found))
        return found


def solve(grid: Grid, right: Tensor, start: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Return x with (diag(held) + ∇ᵀ tie ∇) x = right.

    Args:
        grid: the matrix; a part of it that is held nowhere is solved up to a constant, which is the start's.
        right: (B, C, H, W).
        start: (B, C, H, W), where the search begins.
        tolerance: norm of the residual at which to stop, relative to that of the right-hand side.

    Returns:
        (B, C, H, W).  A UserWarning says if the tolerance was not reached.

    Example:
        >>> import torch
        >>> ones = torch.ones(1, 1, 9, 7)
        >>> grid = Grid(ones[..., 1:], ones[..., 1:, :], 0.01 * ones)
        >>> values = torch.rand(1, 3, 9, 7)
        >>> torch.allclose(solve(grid, grid(values), torch.zeros_like(values)), values, atol=1e-2)
        True
    """
    with torch.autocast(right.device.type, enabled=False):
        multigrid = Multigrid(grid)
        limit = tolerance * norm(right)
        found = start.clone()
        residual = right - grid(found)
        direction = torch.zeros_like(found)
        before = torch.ones_like(limit)
        for step in range(STEPS):
            active = norm(residual) > limit
            # Asking a GPU whether to go on makes it wait, so it is not asked at each step.
            if step % 4 == 0 and not active.any():
                return found
            turned = multigrid(residual)
            strength = (residual * turned).sum((-2, -1), keepdim=True)
            direction = turned + strength / before.clamp_min(1e-30) * (direction if step else 0)
            moved = grid(direction)
            length = strength / (direction * moved).sum((-2, -1), keepdim=True).clamp_min(1e-30) * active
            found = found + length * direction
            residual = residual - length * moved
            before = strength
        worst = float((norm(residual) / norm(right).clamp_min(1e-30)).max())
        warnings.warn(
            f"after {STEPS} steps the system is solved to {worst:.1g} only, not to {tolerance:g}\n"
            "  what would work: gentler parameters",
            stacklevel=2,
        )
        return found


def norm(maps: Tensor) -> Tensor:
    """Return the Euclidean norm of each map, (B, C, 1, 1)."""
    return maps.square().sum((-2, -1), keepdim=True).sqrt()
