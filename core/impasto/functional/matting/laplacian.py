"""The matting Laplacian of a photograph: within each window, how far values are from linear in the colours."""

from __future__ import annotations

from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from ..precision import in_double
from ..solvers import solve_symmetric

EPS = 1e-7
"""Variance of colour below which a window counts as flat; that of the authors' code for values in [0, 1]."""

BAND = 1 << 16
"""Windows whose affinities are computed at a time: a window takes 1.5 kB on the way, and leaves 52 bytes."""


class MattingLaplacian:
    """The matting Laplacian L of pictures, as an operator on maps over them; rows sum to 0.

    Only neighbours within two pixels have an affinity, so L is kept as twelve maps of those (each for both directions):
    a sparse matrix would hold the same numbers, but not on every device.

    Args:
        image: (B, 3, H, W) in [0, 1]; float64 for an L in float64.
        eps: variance of colour below which a window counts as flat; a larger one joins across weak edges.

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
            self.affinities: dict[tuple[int, int], Tensor] = {}
            """The affinity to the neighbour so many rows below and columns beside, (B, 1, H, W)."""
            if min(height, width) < 3:
                return  # no window fits
            ones = image.new_ones(1, 1, height - 2, width - 2)
            self.windows = F.conv_transpose2d(ones, image.new_ones(1, 1, 3, 3))
            affinity = matting_affinities(image, eps)
            self.diagonal = (self.windows.to(affinity[0, 0]) - affinity.pop((0, 0))).to(image)
            self.affinities = {offset: values.to(image) for offset, values in affinity.items()}

    def __call__(self, values: Tensor) -> Tensor:
        """Return L times maps (B, C, H, W)."""
        result = self.diagonal * values
        height, width = values.shape[-2:]
        for (down, right), affinity in self.affinities.items():
            # The pixels that have a neighbour `down` and `right` of them, and those neighbours.
            rows, columns = slice(0, height - down), slice(max(0, -right), width - max(0, right))
            below = slice(down, height)
            beside = slice(max(0, right), width - max(0, -right))
            weight = affinity[..., rows, columns]
            result[..., rows, columns].addcmul_(weight, values[..., below, beside], value=-1)
            result[..., below, beside].addcmul_(weight, values[..., rows, columns], value=-1)
        return result

    def energy(self, values: Tensor) -> Tensor:
        """Return xᵀLx of maps x (B, C, H, W), a scalar: the squares of what no linear function of the colours explains.

        Its gradient is 2Lx, from the product that is there already; second derivatives are not kept.
        """
        fixed = values.detach()
        product = self(fixed)
        return (fixed * product).sum() + 2 * ((values - fixed) * product).sum()

    def row_sizes(self) -> Tensor:
        """Return the sums of the magnitudes in each row, (B, 1, H, W)."""
        sizes = copy(self)
        sizes.affinities = {offset: -affinity.abs() for offset, affinity in self.affinities.items()}
        return sizes(torch.ones_like(self.diagonal))

    def float(self) -> MattingLaplacian:
        """Return the Laplacian in float32."""
        single = copy(self)
        single.image, single.windows, single.diagonal = (
            values.float() for values in (self.image, self.windows, self.diagonal)
        )
        single.affinities = {offset: affinity.float() for offset, affinity in self.affinities.items()}
        return single


def matting_affinities(image: Tensor, eps: float) -> dict[tuple[int, int], Tensor]:
    """Return the matting affinity by offset (rows down, columns right) to the neighbour, each (B, 1, H, W) float64.

    In a window with colours of mean μ and covariance Σ, pixels i and j have the affinity
    (1 + (I_i − μ)ᵀ (Σ + ε/9)⁻¹ (I_j − μ)) / 9 (Levin et al. 2008, equation 12).
    """
    batch, _, height, width = image.shape
    places = [(row, column) for row in range(3) for column in range(3)]
    totals: dict[tuple[int, int], Tensor] = {}
    rows = max(1, BAND // (batch * width))
    for top in range(0, height - 2, rows):
        # The inverse of a nearly flat window's covariance needs the digits.
        exact = in_double(image[..., top : top + rows + 2, :])
        down, right = exact.shape[-2] - 2, width - 2
        stacked = torch.stack([exact[..., row : down + row, column : right + column] for row, column in places], 2)
        parts = (stacked - stacked.mean(2, keepdim=True)).unbind(1)  # by colour, (B, 9, rows, W − 2)
        spread = [[(parts[i] * parts[j]).mean(1, keepdim=True) for j in range(i + 1)] for i in range(3)]
        for i in range(3):
            spread[i][i] += eps / 9
        solved = solve_symmetric(spread, parts)
        for first, (row, column) in enumerate(places):
            for second in range(first, 9):
                offset = (places[second][0] - row, places[second][1] - column)
                total = totals.setdefault(offset, exact.new_zeros(batch, 1, height, width))
                window = total[:, 0, top + row : top + row + down, column : right + column].add_(1)
                for part, solution in zip(parts, solved, strict=True):
                    window.addcmul_(part[:, first], solution[:, second])
    return {offset: total / 9 for offset, total in totals.items()}
