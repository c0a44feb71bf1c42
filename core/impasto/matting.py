"""The matting Laplacian: how the pixels of a photograph hang together, and what follows from it by solving.

Within each window of 3×3 pixels the Laplacian measures how far values are from a linear function of the colours
there (Levin, Lischinski and Weiss 2008).  Two problems are solved with it: which part of each pixel belongs to a
figure (`closed_form_matting`), and a picture that varies only where the photograph does (`screened`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-7
"""Variance of colour below which a window counts as flat; that of the authors' code for values in [0, 1]."""
STEPS = 4000
"""Steps of the solver after which it gives up, with a warning."""


class MattingLaplacian:
    """The matting Laplacian L of pictures, as an operator on maps over them; rows sum to 0.

    Only neighbours within two pixels are tied, so L is kept as twelve maps of ties (and used in both directions):
    a sparse matrix would hold the same numbers, but not on every device.

    Args:
        image: (B, 3, H, W) float32 in [0, 1].
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
            height, width = image.shape[-2:]
            self.windows = image.new_zeros(1, 1, height, width)
            """In how many windows each pixel lies, (1, 1, H, W)."""
            self.diagonal = image.new_zeros(len(image), 1, height, width)
            """The diagonal of L, (B, 1, H, W)."""
            self.ties: dict[tuple[int, int], Tensor] = {}
            if min(height, width) < 3:
                return  # no window fits
            every = image.new_ones(1, 1, height - 2, width - 2)
            self.windows = F.conv_transpose2d(every, image.new_ones(1, 1, 3, 3))
            affinity = affinities(image, eps)
            self.diagonal = self.windows - affinity.pop((0, 0))
            self.ties = affinity

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


def affinities(image: Tensor, eps: float) -> dict[tuple[int, int], Tensor]:
    """Return the matting affinity by offset (rows down, columns right) to the neighbour, each (B, 1, H, W).

    In a window with colours of mean μ and covariance Σ, pixels i and j are tied by
    (1 + (I_i − μ)ᵀ (Σ + ε/9)⁻¹ (I_j − μ)) / 9 (Levin et al. 2008, equation 12).
    """
    # The inverse of a nearly flat window's covariance needs the digits; MPS has none to give.
    exact = (image.cpu() if image.device.type == "mps" else image).double()
    batch, _, height, width = exact.shape
    places = [(row, column) for row in range(3) for column in range(3)]
    parts = [exact[..., row : height - 2 + row, column : width - 2 + column] for row, column in places]
    mean = torch.stack(parts).mean(0)
    parts = [part - mean for part in parts]
    spread = [[sum_of(part[:, i] * part[:, j] for part in parts) / 9 for j in range(3)] for i in range(3)]
    for i in range(3):
        spread[i][i] = spread[i][i] + eps / 9
    inverse = inverted(spread)
    turned = [[sum_of(inverse[i][j] * part[:, j] for j in range(3)) for i in range(3)] for part in parts]
    found: dict[tuple[int, int], Tensor] = {}
    for first, (row, column) in enumerate(places):
        for second in range(first, 9):
            tie = (1 + sum_of(parts[first][:, i] * turned[second][i] for i in range(3))) / 9
            offset = (places[second][0] - row, places[second][1] - column)
            total = found.setdefault(offset, exact.new_zeros(batch, height, width))
            total[:, row : height - 2 + row, column : width - 2 + column] += tie
    return {offset: total[:, None].float().to(image.device) for offset, total in found.items()}


def sum_of(terms: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors."""
    return reduce(torch.add, terms)


def inverted(matrix: list[list[Tensor]]) -> list[list[Tensor]]:
    """Return the inverse of symmetric 3×3 matrices given by entries, by cofactors."""
    (a, b, c), (_, d, e), (_, _, f) = matrix
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * first + b * second + c * third
    middle, last, lowest = a * f - c * c, b * c - a * e, a * d - b * b
    rows = [[first, second, third], [second, middle, last], [third, last, lowest]]
    return [[entry / determinant for entry in row] for row in rows]


def screened(laplacian: MattingLaplacian, weight: Tensor, target: Tensor, tolerance: float = 4e-3) -> Tensor:
    """Return the maps x with the least xᵀLx + Σ weight (x − target)²: (L + W) x = W target.

    Solved by conjugate gradients, preconditioned by the diagonal.  With a weight that is the same everywhere the
    error is at most `tolerance` times the target's size; with one that varies it may be larger by their ratio.

    Args:
        laplacian: of pictures (B, 3, H, W).
        weight: (B or 1, 1, H, W), 0 or more, how much each position is held to the target.
        target: (B, C, H, W).
        tolerance: norm of the residual relative to that of the right-hand side at which to stop.

    Returns:
        (B, C, H, W).  A UserWarning says if the tolerance was not reached.
    """
    with torch.autocast(target.device.type, enabled=False):
        right = weight * target
        limit = tolerance * norm(right)
        # Where nothing ties a pixel and nothing holds it, it stays.
        scale = 1 / (laplacian.diagonal + weight).clamp_min(1e-12)
        found = target.clone()
        residual = right - laplacian(found) - weight * found
        direction = scale * residual
        strength = (residual * direction).sum((-2, -1), keepdim=True)
        for step in range(STEPS):
            active = norm(residual) > limit
            # Asking a GPU whether to go on makes it wait, so it is not asked at each step.
            if step % 8 == 0 and not active.any():
                return found
            moved = laplacian(direction) + weight * direction
            length = strength / (direction * moved).sum((-2, -1), keepdim=True).clamp_min(1e-30) * active
            found += length * direction
            residual -= length * moved
            turned = scale * residual
            before, strength = strength, (residual * turned).sum((-2, -1), keepdim=True)
            direction = turned + strength / before.clamp_min(1e-30) * direction
        worst = float((norm(residual) / norm(right).clamp_min(1e-30)).max())
        warnings.warn(
            f"after {STEPS} steps the matting Laplacian is solved to {worst:.1g} only, not to {tolerance:g}\n"
            "  what would work: a smaller picture, or a larger eps",
            stacklevel=2,
        )
        return found


def norm(maps: Tensor) -> Tensor:
    """Return the Euclidean norm of each map, (B, C, 1, 1)."""
    return maps.square().sum((-2, -1), keepdim=True).sqrt()


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
    found = screened(MattingLaplacian(image, eps), known * sure, trimap, tolerance=5e-8)
    return torch.where(sure, trimap, found.clamp(0, 1))
