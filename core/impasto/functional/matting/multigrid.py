"""A multigrid for the matting Laplacian, whose coarser grids hold linear models of the colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from ..precision import in_double
from .laplacian import MattingLaplacian

COARSEST = 100
"""Nodes; a grid of no more is solved directly."""
DAMPING = 1.8
"""Length of the smoothing steps, over the largest eigenvalue; below 2 all that is rough shrinks."""

Weights: TypeAlias = Sequence[tuple[float, float, float]]

FOUR_TO_ONE: Weights = ((0.25, 0.75, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.75, 0.25))
"""Interpolation weights of four pixels in the node before, their own, and the node after.

As wide as may be: beyond, a node would be coupled to more than its neighbours, as affinities reach two pixels.
"""
TWO_TO_ONE: Weights = ((0.0, 1.0, 0.0), (0.0, 0.5, 0.5))
"""The same for two nodes, of which the first is also one of the coarser grid: linear interpolation."""


def interpolate_along(values: Tensor, weights: Weights, dim: int, length: int) -> Tensor:
    """Return values on nodes interpolated to `length` places along dimension -1 or -2; the last node is repeated."""
    count = values.shape[dim]
    before = torch.cat([values.narrow(dim, 0, 1), values.narrow(dim, 0, count - 1)], dim)
    after = torch.cat([values.narrow(dim, 1, count - 1), values.narrow(dim, count - 1, 1)], dim)
    nodes = (before, values, after)
    parts = [_sum(weight * node for weight, node in zip(row, nodes, strict=True) if weight) for row in weights]
    return torch.stack(parts, dim).flatten(dim - 1, dim).narrow(dim, 0, length)


def restrict_along(values: Tensor, weights: Weights, dim: int) -> Tensor:
    """Return the transpose of `interpolate_along`: what places add to nodes."""
    step, length = len(weights), values.shape[dim]
    count = -(-length // step)
    missing = count * step - length
    padded = F.pad(values, (0, missing) if dim == -1 else (0, 0, 0, missing))
    parts = torch.unflatten(padded, dim, (count, step)).unbind(dim)
    result = _sum(row[1] * part for row, part in zip(weights, parts, strict=True) if row[1])
    for row, part in zip(weights, parts, strict=True):
        if row[0]:
            result.narrow(dim, 0, count - 1).add_(part.narrow(dim, 1, count - 1), alpha=row[0])
            result.narrow(dim, 0, 1).add_(part.narrow(dim, 0, 1), alpha=row[0])
        if row[2]:
            result.narrow(dim, 1, count - 1).add_(part.narrow(dim, 0, count - 1), alpha=row[2])
            result.narrow(dim, count - 1, 1).add_(part.narrow(dim, count - 1, 1), alpha=row[2])
    return result


class Transfer:
    """Between a grid and a coarser one whose nodes hold linear models: a value, and slopes along the three colours.

    On a grid of pixels the models mean the map Σ φ_n (value_n + slopes_n · (colours − colours_n)), with a partition
    of unity: basis functions φ_n around the nodes n that sum to 1.  On a grid of models they mean the models of that
    same map.

    Args:
        colours: (3, B, 1, H, W) of the finer grid.
        weights: for the interpolation at the finer grid's places from the nodes around them.
        models: whether the finer grid holds models too, (4, B, C, H, W), or a map, (1, B, C, H, W).
    """

    def __init__(self, colours: Tensor, weights: Weights, models: bool) -> None:
        self.colours, self.weights, self.models = colours, weights, models
        self.nodes = self.interpolate_transposed(colours) / self.interpolate_transposed(torch.ones_like(colours))
        """Mean colours around the nodes, (3, B, 1, h, w)."""

    def interpolate(self, values: Tensor) -> Tensor:
        """Return the sum of the basis functions times these values."""
        height, width = self.colours.shape[-2:]
        return interpolate_along(interpolate_along(values, self.weights, -1, width), self.weights, -2, height)

    def interpolate_transposed(self, values: Tensor) -> Tensor:
        """Return the transpose of `interpolate`."""
        return restrict_along(restrict_along(values, self.weights, -2), self.weights, -1)

    def prolong(self, models: Tensor) -> Tensor:
        """Return the finer grid's map or models from models (4, B, C, h, w)."""
        models = models.clone()
        for slope, colour in zip(models[1:], self.nodes, strict=True):
            models[0].addcmul_(slope, colour, value=-1)
        fine = self.interpolate(models)
        for slope, colour in zip(fine[1:], self.colours, strict=True):
            fine[0].addcmul_(slope, colour)
        return fine if self.models else fine[:1]

    def restrict(self, fine: Tensor) -> Tensor:
        """Return the transpose of `prolong`."""
        slopes = fine[:1] * self.colours
        if self.models:
            slopes += fine[1:]
        models = self.interpolate_transposed(torch.cat([fine[:1], slopes]))
        models[1:].addcmul_(models[:1], self.nodes, value=-1)
        return models


class PixelGrid:
    """L + W on maps (1, B, C, H, W)."""

    largest = 1.0
    """No eigenvalue of the scaled operator is larger."""

    def __init__(self, laplacian: MattingLaplacian, weight: Tensor) -> None:
        self.laplacian, self.weight = laplacian, weight
        size = laplacian.row_sizes() + weight
        # What has neither an affinity nor a weight stays as it is.
        self.inverse = torch.where(size > 1e-12, 1 / size.clamp_min(1e-12), 0.0)

    def __call__(self, maps: Tensor) -> Tensor:
        """Return L + W times maps."""
        return (self.laplacian(maps[0]) + self.weight * maps[0])[None]

    def scale(self, maps: Tensor) -> Tensor:
        """Return maps divided by the sums of the rows' magnitudes."""
        return self.inverse * maps


class ModelGrid:
    """A finer grid's operator on the models that stand for its values, (4, B, C, h, w).

    Each node is coupled to itself and its eight neighbours by 4×4 matrices.
    """

    largest = 4.0
    """No eigenvalue of the scaled operator is larger: a window touches four nodes at most."""

    def __init__(self, finer: PixelGrid | ModelGrid, transfer: Transfer) -> None:
        batch, _, height, width = transfer.nodes.shape[1:]
        self.couplings = transfer.nodes.new_zeros(3, 3, 4, 4, batch, 1, height, width)
        """By row and column of the neighbour, coefficient of its model, and coefficient that it adds to."""
        # The operator is read off its effect on every third node at once: what they are coupled to does not overlap.
        for row in range(3):
            for column in range(3):
                dots = transfer.nodes.new_zeros(4, batch, 4, height, width)
                for part in range(4):
                    dots[part, :, part, row::3, column::3] = 1
                effect = transfer.restrict(finer(transfer.prolong(dots))).permute(2, 0, 1, 3, 4).unsqueeze(3)
                for down in range(3):
                    for right in range(3):
                        # The nodes to whose neighbourhoods, from one before to one after, the dots belong there.
                        rows, columns = slice((row + 1 - down) % 3, None, 3), slice((column + 1 - right) % 3, None, 3)
                        self.couplings[down, right][..., rows, columns] = effect[..., rows, columns]
        own = self.couplings[1, 1].permute(2, 3, 4, 5, 0, 1)
        inverse = damped_inverse(own, own[..., :1, 0].expand(own.shape[:-1]))
        self.inverse = inverse.permute(4, 5, 0, 1, 2, 3).contiguous()

    def __call__(self, models: Tensor) -> Tensor:
        """Return the operator times models."""
        height, width = models.shape[-2:]
        around = F.pad(models, (1, 1, 1, 1))
        result = torch.zeros_like(models)
        for down in range(3):
            for right in range(3):
                beside = around[..., down : down + height, right : right + width]
                for coupling, part in zip(self.couplings[down, right], beside, strict=True):
                    result.addcmul_(coupling, part)
        return result

    def scale(self, models: Tensor) -> Tensor:
        """Return models divided by their nodes' own 4×4 matrices."""
        result = torch.zeros_like(models)
        for column, part in zip(self.inverse, models, strict=True):
            result.addcmul_(column, part)
        return result

    def matrix(self) -> Tensor:
        """Return the operator as a dense matrix (B, N, N), N = 4hw."""
        batch, _, height, width = self.couplings.shape[-4:]
        count = 4 * height * width
        dots = torch.eye(count, dtype=torch.float32, device="cpu").to(self.couplings).view(count, 4, 1, height, width)
        return self(dots.permute(1, 2, 0, 3, 4).expand(-1, batch, -1, -1, -1)).permute(1, 2, 0, 3, 4).flatten(2)


def damped_inverse(matrix: Tensor, values: Tensor) -> Tensor:
    """Return the inverse of matrices (…, N, N) of models, damped enough to be positive.

    Where a colour is the same all over a node, or the same as another (grey), its slope means nothing.  So rows are
    damped by 1e-4, and as much as by the noise of 8-bit colours, given the rows of their nodes' values (…, N).
    """
    exact = in_double(matrix)
    size = exact.diagonal(dim1=-2, dim2=-1).clamp_min(0)
    damped = (exact + exact.mT) / 2 + torch.diag_embed(1e-4 * size + 1e-6 * in_double(values).clamp_min(1e-6))
    # Slopes and values differ by orders of magnitude.
    scale = damped.diagonal(dim1=-2, dim2=-1).rsqrt()
    scale = scale[..., :, None] * scale[..., None, :]
    # Not torch.linalg.inv: the LU of several large ones fails after torch.set_num_threads (torch 2.15 with MKL).
    inverse: Tensor = torch.cholesky_inverse(torch.linalg.cholesky(damped * scale)) * scale
    return inverse.to(matrix)


class Multigrid:
    """A V-cycle for L + W: nearly its inverse, symmetric and positive, on maps (B, C, H, W).

    Maps that L leaves nearly free are locally linear in the colours, not smooth as for other Laplacians.  So coarser
    grids hold local linear models (`Transfer`), with the operator that L + W is on them.  Grids of models are
    coarsened as usual, since their slopes vary slowly.  Each grid is smoothed by one damped Jacobi step.

    Args:
        laplacian: of pictures (B, 3, H, W), in float32.
        weight: (B or 1, 1, H, W), the diagonal matrix W.
    """

    def __init__(self, laplacian: MattingLaplacian, weight: Tensor) -> None:
        image = laplacian.image
        colours = (image - image.mean((-2, -1), keepdim=True)).transpose(0, 1).unsqueeze(2)
        finest = PixelGrid(laplacian, weight)
        self.grids: list[PixelGrid | ModelGrid] = [finest]
        self.transfers = [Transfer(colours, FOUR_TO_ONE, models=False)]
        while True:
            colours = self.transfers[-1].nodes
            grid = ModelGrid(self.grids[-1], self.transfers[-1])
            if colours.shape[-2] * colours.shape[-1] <= COARSEST:
                break
            self.grids.append(grid)
            self.transfers.append(Transfer(colours, TWO_TO_ONE, models=True))
        matrix = grid.matrix()
        values = matrix.diagonal(dim1=-2, dim2=-1)[:, : matrix.shape[-1] // 4].repeat(1, 4)
        self.inverse = damped_inverse(matrix, values)

    def __call__(self, residual: Tensor) -> Tensor:
        """Return an approximate solution for a right-hand side (B, C, H, W)."""
        return self._cycle(0, residual[None])[0]

    def _cycle(self, level: int, residual: Tensor) -> Tensor:
        if level == len(self.grids):
            flat = residual.permute(1, 2, 0, 3, 4)
            return (flat.flatten(2) @ self.inverse).view(flat.shape).permute(2, 0, 1, 3, 4)
        grid, transfer = self.grids[level], self.transfers[level]
        length = DAMPING / grid.largest
        found = length * grid.scale(residual)
        found = found + transfer.prolong(self._cycle(level + 1, transfer.restrict(residual - grid(found))))
        return found + length * grid.scale(residual - grid(found))


def _sum(terms: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors."""
    return reduce(torch.add, terms)
