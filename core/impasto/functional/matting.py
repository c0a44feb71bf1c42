"""The matting Laplacian: how the pixels of a photograph hang together, and what follows from it by solving.

Within each window of 3×3 pixels the Laplacian measures how far values are from a linear function of the colours
there (Levin, Lischinski and Weiss 2008).  Two problems are solved with it: which part of each pixel belongs to a
figure (`closed_form_matting`), and a picture that varies only where the photograph does (`screened`).

Both are systems (L + W) x = W t, solved by conjugate gradients with a multigrid of the Laplacian's own
(`Multigrid`): some twenty steps, where the diagonal as preconditioner needs hundreds to thousands.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from copy import copy
from functools import reduce
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from .filters import solve_symmetric

EPS = 1e-7
"""Variance of colour below which a window counts as flat; that of the authors' code for values in [0, 1]."""
STEPS = 300
"""Steps of the solver after which it gives up, with a warning."""


def in_double(values: Tensor) -> Tensor:
    """Return values in float64, on the processor where the device has no float64."""
    return (values.cpu() if values.device.type == "mps" else values).double()


class MattingLaplacian:
    """The matting Laplacian L of pictures, as an operator on maps over them; rows sum to 0.

    Only neighbours within two pixels are tied, so L is kept as twelve maps of ties (and used in both directions):
    a sparse matrix would hold the same numbers, but not on every device.

    Args:
        image: (B, 3, H, W) in [0, 1]; float64 for an L in float64.
        eps: variance of colour below which a window counts as flat; larger ties across weak edges.

    Example:
        >>> import torch
        >>> photo = torch.rand(1, 3, 9, 12)
        >>> laplacian = MattingLaplacian(photo)
        >>> bool(laplacian(photo.mean(1, keepdim=True)).abs().max() < 1e-4)  # linear in the colours
        True
    """

    def __init__(self, image: Tensor, eps: float = EPS) -> None:
        with torch.autocast(image.device.type, enabled=False):
            self.image = image.contiguous()
            height, width = image.shape[-2:]
            self.windows = image.new_zeros(1, 1, height, width)
            """In how many windows each pixel lies, (1, 1, H, W)."""
            self.diagonal = image.new_zeros(len(image), 1, height, width)
            """The diagonal of L, (B, 1, H, W)."""
            self.ties: dict[tuple[int, int], Tensor] = {}
            """The affinity to the neighbour so many rows below and columns beside, (B, 1, H, W)."""
            if min(height, width) < 3:
                return  # no window fits
            every = image.new_ones(1, 1, height - 2, width - 2)
            self.windows = F.conv_transpose2d(every, image.new_ones(1, 1, 3, 3))
            affinity = affinities(image, eps)
            self.diagonal = (self.windows.to(affinity[0, 0]) - affinity.pop((0, 0))).to(image)
            self.ties = {offset: tie.to(image) for offset, tie in affinity.items()}

    def __call__(self, values: Tensor) -> Tensor:
        """Return L times maps (B, C, H, W)."""
        result = self.diagonal * values
        height, width = values.shape[-2:]
        for (down, right), tie in self.ties.items():
            # The pixels that have a neighbour `down` and `right` of them, and those neighbours.
            rows, columns = slice(0, height - down), slice(max(0, -right), width - max(0, right))
            below = slice(down, height)
            beside = slice(max(0, right), width - max(0, -right))
            weight = tie[..., rows, columns]
            result[..., rows, columns].addcmul_(weight, values[..., below, beside], value=-1)
            result[..., below, beside].addcmul_(weight, values[..., rows, columns], value=-1)
        return result

    def row_sizes(self) -> Tensor:
        """Return the sums of the magnitudes in each row, (B, 1, H, W)."""
        sizes = copy(self)
        sizes.ties = {offset: -tie.abs() for offset, tie in self.ties.items()}
        return sizes(torch.ones_like(self.diagonal))

    def float(self) -> MattingLaplacian:
        """Return the Laplacian in float32."""
        single = copy(self)
        single.image, single.windows, single.diagonal = (
            values.float() for values in (self.image, self.windows, self.diagonal)
        )
        single.ties = {offset: tie.float() for offset, tie in self.ties.items()}
        return single


def affinities(image: Tensor, eps: float) -> dict[tuple[int, int], Tensor]:
    """Return the matting affinity by offset (rows down, columns right) to the neighbour, each (B, 1, H, W) float64.

    In a window with colours of mean μ and covariance Σ, pixels i and j are tied by
    (1 + (I_i − μ)ᵀ (Σ + ε/9)⁻¹ (I_j − μ)) / 9 (Levin et al. 2008, equation 12).
    """
    exact = in_double(image)  # the inverse of a nearly flat window's covariance needs the digits
    batch, _, height, width = exact.shape
    places = [(row, column) for row in range(3) for column in range(3)]
    stacked = torch.stack(
        [exact[..., row : height - 2 + row, column : width - 2 + column] for row, column in places], 2
    )
    parts = (stacked - stacked.mean(2, keepdim=True)).unbind(1)  # by colour, (B, 9, H − 2, W − 2)
    spread = [[(parts[i] * parts[j]).mean(1, keepdim=True) for j in range(i + 1)] for i in range(3)]
    for i in range(3):
        spread[i][i] += eps / 9
    turned = solve_symmetric(spread, parts)
    found: dict[tuple[int, int], Tensor] = {}
    for first, (row, column) in enumerate(places):
        for second in range(first, 9):
            offset = (places[second][0] - row, places[second][1] - column)
            total = found.setdefault(offset, exact.new_zeros(batch, 1, height, width))
            window = total[:, 0, row : height - 2 + row, column : width - 2 + column].add_(1)
            for part, solved in zip(parts, turned, strict=True):
                window.addcmul_(part[:, first], solved[:, second])
    return {offset: total / 9 for offset, total in found.items()}


def sum_of(terms: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors."""
    return reduce(torch.add, terms)


# ------------------------------------------------------------------------------------------------- multigrid

COARSEST = 100
"""Nodes; a grid of no more is solved directly."""
DAMPING = 1.8
"""Length of the smoothing steps, over the largest eigenvalue; below 2 all that is rough shrinks."""

Shares: TypeAlias = Sequence[tuple[float, float, float]]

AMID_FOUR: Shares = ((0.25, 0.75, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.75, 0.25))
"""Shares of four pixels in the node before, their own, and the node after.

As wide as may be: beyond, a node would be tied to more than its neighbours, through ties that reach two pixels.
"""
EVERY_OTHER: Shares = ((0.0, 1.0, 0.0), (0.0, 0.5, 0.5))
"""The same for two nodes, of which the first is also one of the coarser grid: linear interpolation."""


def spread_along(values: Tensor, shares: Shares, dim: int, length: int) -> Tensor:
    """Return what values on nodes give to `length` places along dimension -1 or -2; the last node is repeated."""
    count = values.shape[dim]
    before = torch.cat([values.narrow(dim, 0, 1), values.narrow(dim, 0, count - 1)], dim)
    after = torch.cat([values.narrow(dim, 1, count - 1), values.narrow(dim, count - 1, 1)], dim)
    nodes = (before, values, after)
    parts = [sum_of(share * node for share, node in zip(row, nodes, strict=True) if share) for row in shares]
    return torch.stack(parts, dim).flatten(dim - 1, dim).narrow(dim, 0, length)


def gather_along(values: Tensor, shares: Shares, dim: int) -> Tensor:
    """Return the transpose of `spread_along`: what places give to nodes."""
    step, length = len(shares), values.shape[dim]
    count = -(-length // step)
    missing = count * step - length
    padded = F.pad(values, (0, missing) if dim == -1 else (0, 0, 0, missing))
    parts = torch.unflatten(padded, dim, (count, step)).unbind(dim)
    result = sum_of(row[1] * part for row, part in zip(shares, parts, strict=True) if row[1])
    for row, part in zip(shares, parts, strict=True):
        if row[0]:
            result.narrow(dim, 0, count - 1).add_(part.narrow(dim, 1, count - 1), alpha=row[0])
            result.narrow(dim, 0, 1).add_(part.narrow(dim, 0, 1), alpha=row[0])
        if row[2]:
            result.narrow(dim, 1, count - 1).add_(part.narrow(dim, 0, count - 1), alpha=row[2])
            result.narrow(dim, count - 1, 1).add_(part.narrow(dim, count - 1, 1), alpha=row[2])
    return result


class Transfer:
    """Between a grid and a coarser one whose nodes hold linear models: a value, and slopes along the three colours.

    On a grid of pixels the models mean the map Σ φ_n (value_n + slopes_n · (colours − colours_n)), with bumps φ_n
    around the nodes n that sum to 1.  On a grid of models they mean the models of that same map.

    Args:
        colours: (3, B, 1, H, W) of the finer grid.
        shares: of the finer grid's places in the nodes around them.
        models: whether the finer grid holds models too, (4, B, C, H, W), or a map, (1, B, C, H, W).
    """

    def __init__(self, colours: Tensor, shares: Shares, models: bool) -> None:
        self.colours, self.shares, self.models = colours, shares, models
        self.nodes = self.gather(colours) / self.gather(torch.ones_like(colours))
        """Mean colours around the nodes, (3, B, 1, h, w)."""

    def spread(self, values: Tensor) -> Tensor:
        """Return the sum of bumps with these heights."""
        height, width = self.colours.shape[-2:]
        return spread_along(spread_along(values, self.shares, -1, width), self.shares, -2, height)

    def gather(self, values: Tensor) -> Tensor:
        """Return the transpose of `spread`."""
        return gather_along(gather_along(values, self.shares, -2), self.shares, -1)

    def refine(self, models: Tensor) -> Tensor:
        """Return the finer grid's map or models from models (4, B, C, h, w)."""
        models = models.clone()
        for slope, colour in zip(models[1:], self.nodes, strict=True):
            models[0].addcmul_(slope, colour, value=-1)
        fine = self.spread(models)
        for slope, colour in zip(fine[1:], self.colours, strict=True):
            fine[0].addcmul_(slope, colour)
        return fine if self.models else fine[:1]

    def coarsen(self, fine: Tensor) -> Tensor:
        """Return the transpose of `refine`."""
        slopes = fine[:1] * self.colours
        if self.models:
            slopes += fine[1:]
        models = self.gather(torch.cat([fine[:1], slopes]))
        models[1:].addcmul_(models[:1], self.nodes, value=-1)
        return models


class PixelGrid:
    """L + W on maps (1, B, C, H, W)."""

    largest = 1.0
    """No eigenvalue of the scaled operator is larger."""

    def __init__(self, laplacian: MattingLaplacian, weight: Tensor) -> None:
        self.laplacian, self.weight = laplacian, weight
        size = laplacian.row_sizes() + weight
        # What nothing ties and nothing holds stays as it is.
        self.inverse = torch.where(size > 1e-12, 1 / size.clamp_min(1e-12), 0.0)

    def __call__(self, maps: Tensor) -> Tensor:
        """Return L + W times maps."""
        return (self.laplacian(maps[0]) + self.weight * maps[0])[None]

    def scale(self, maps: Tensor) -> Tensor:
        """Return maps divided by the sums of the rows' magnitudes."""
        return self.inverse * maps


class ModelGrid:
    """A finer grid's operator on the models that stand for its values, (4, B, C, h, w).

    Each node is tied to itself and its eight neighbours by 4×4 matrices.
    """

    largest = 4.0
    """No eigenvalue of the scaled operator is larger: a window touches four nodes at most."""

    def __init__(self, finer: PixelGrid | ModelGrid, transfer: Transfer) -> None:
        batch, _, height, width = transfer.nodes.shape[1:]
        self.ties = transfer.nodes.new_zeros(3, 3, 4, 4, batch, 1, height, width)
        """By row and column of the neighbour, coefficient of its model, and coefficient that it adds to."""
        # The operator is read off its effect on every third node at once: what they tie does not overlap.
        for row in range(3):
            for column in range(3):
                dots = transfer.nodes.new_zeros(4, batch, 4, height, width)
                for part in range(4):
                    dots[part, :, part, row::3, column::3] = 1
                effect = transfer.coarsen(finer(transfer.refine(dots))).permute(2, 0, 1, 3, 4).unsqueeze(3)
                for down in range(3):
                    for right in range(3):
                        # The nodes to whose neighbourhoods, from one before to one after, the dots belong there.
                        rows, columns = slice((row + 1 - down) % 3, None, 3), slice((column + 1 - right) % 3, None, 3)
                        self.ties[down, right][..., rows, columns] = effect[..., rows, columns]
        own = self.ties[1, 1].permute(2, 3, 4, 5, 0, 1)
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
                for tie, part in zip(self.ties[down, right], beside, strict=True):
                    result.addcmul_(tie, part)
        return result

    def scale(self, models: Tensor) -> Tensor:
        """Return models divided by their nodes' own 4×4 matrices."""
        result = torch.zeros_like(models)
        for column, part in zip(self.inverse, models, strict=True):
            result.addcmul_(column, part)
        return result

    def matrix(self) -> Tensor:
        """Return the operator as a dense matrix (B, N, N), N = 4hw."""
        batch, _, height, width = self.ties.shape[-4:]
        count = 4 * height * width
        dots = torch.eye(count).to(self.ties).view(count, 4, 1, height, width)
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
        self.transfers = [Transfer(colours, AMID_FOUR, models=False)]
        while True:
            colours = self.transfers[-1].nodes
            grid = ModelGrid(self.grids[-1], self.transfers[-1])
            if colours.shape[-2] * colours.shape[-1] <= COARSEST:
                break
            self.grids.append(grid)
            self.transfers.append(Transfer(colours, EVERY_OTHER, models=True))
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
        found = found + transfer.refine(self._cycle(level + 1, transfer.coarsen(residual - grid(found))))
        return found + length * grid.scale(residual - grid(found))


# --------------------------------------------------------------------------------------------------- systems


def screened(laplacian: MattingLaplacian, weight: Tensor, target: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Return the maps x with the least xᵀLx + Σ weight (x − target)²: (L + W) x = W target.

    Args:
        laplacian: of pictures (B, 3, H, W); in its precision the system is solved.
        weight: (B or 1, 1, H, W), 0 or more, how much each pixel is held to the target.
        target: (B, C, H, W).
        tolerance: root mean square of the error at which to stop, the mean weighted by `weight`; what is held by
            weight 0 needs a smaller one.  It is an estimate, good to a factor of two in photographs.

    Returns:
        (B, C, H, W) like the target.  A UserWarning says if the tolerance was not reached.

    Example:
        >>> import impasto, torch
        >>> photo = impasto.samples.content("cat", 48)
        >>> noisy = (photo + 0.1 * torch.randn_like(photo)).clamp(0, 1)
        >>> clean = screened(MattingLaplacian(photo), torch.full_like(photo[:, :1], 1e-3), noisy)
        >>> bool((clean - photo).abs().mean() < 0.5 * (noisy - photo).abs().mean())
        True
    """
    if not laplacian.ties:
        return target.clone()
    with torch.autocast(target.device.type, enabled=False):
        found = target.to(laplacian.diagonal).contiguous()
        weight = weight.to(found)
        multigrid = Multigrid(laplacian.float(), weight.float())
        limit = tolerance**2 * weight.expand(len(found), -1, -1, -1).sum((-2, -1), keepdim=True)
        residual = -laplacian(found)
        direction, before = torch.zeros_like(found), torch.ones_like(limit)
        for _ in range(STEPS):
            turned = multigrid(residual.float()).to(found)
            # With the exact inverse this would be eᵀ(L + W)e for the error e, no less than Σ weight e².
            strength = (residual * turned).sum((-2, -1), keepdim=True)
            active = ~(strength.abs() <= limit)
            if not active.any():
                return found.to(target)
            direction = turned + strength / before * direction
            moved = laplacian(direction) + weight * direction
            length = strength / (direction * moved).sum((-2, -1), keepdim=True).clamp_min(1e-30) * active
            found = found + length * direction
            residual = residual - length * moved
            before = strength.clamp_min(1e-30)
        worst = float((strength.abs() / limit).max().sqrt()) * tolerance
        warnings.warn(
            f"after {STEPS} steps the matting Laplacian is solved to {worst:.1g} only, not to {tolerance:g}\n"
            "  what would work: a larger eps, or a smaller picture",
            stacklevel=2,
        )
        return found.to(target)


def closed_form_matting(image: Tensor, trimap: Tensor, eps: float = EPS, known: float = 100.0) -> Tensor:
    """Return how much of each pixel belongs to a figure whose inside and outside are roughly known (Levin et al. 2008).

    Args:
        image: (B, 3, H, W) float32 in [0, 1].
        trimap: (B or 1, 1, H, W): 1 inside the figure, 0 outside, anything between where it is not known.
        eps: variance of colour below which a window counts as flat.
        known: how much the known pixels are held, the λ of the paper.

    Returns:
        (B, 1, H, W) in [0, 1]; the known pixels as given.

    Example:
        >>> import torch
        >>> photo = torch.zeros(1, 3, 8, 12)
        >>> photo[..., 5:] = 1
        >>> trimap = torch.full((1, 1, 8, 12), 0.5)
        >>> trimap[..., :2], trimap[..., -2:] = 0, 1
        >>> closed_form_matting(photo, trimap)[0, 0, 4].round().tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    trimap = trimap.expand(len(image), -1, -1, -1).to(image)
    sure = (trimap == 0) | (trimap == 1)
    # What is far from all that is known hangs by a thread, of which float32 would keep three digits.
    exact = image if image.device.type == "mps" else image.double()
    found = screened(MattingLaplacian(exact, eps), known * sure, trimap, tolerance=2e-8)
    return torch.where(sure, trimap, found.clamp(0, 1))
