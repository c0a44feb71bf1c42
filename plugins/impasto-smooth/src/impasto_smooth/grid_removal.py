"""Taking away the grid that networks with strided and transposed convolutions leave in a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.filters import box_mean

EDGE = 0.12
"""Detail, of values in [0, 1], beyond which a pixel is taken for an edge of the picture and counts little."""


def deblock(image: Tensor, period: int = 8, reach: int = 32) -> Tensor:
    """Take away what repeats every 2, 4, … `period` pixels, in a small amplitude and on a fixed grid.

    Such grids come from transposed convolutions (Odena, Dumoulin and Olah 2016).  Pixels at the same place of
    their P×P cell are averaged over the cells around, after the picture's own forms have been taken out by a box
    mean; what the places then differ by is the grid, and is subtracted.  Pixels at edges count little.

    Args:
        image: (B, C, H, W) float32.
        period: longest period, in pixels, a power of 2.
        reach: over which the grid is averaged, in pixels to each side.

    Returns:
        (B, C, H, W), not clipped.

    Example:
        >>> import torch
        >>> grid = 0.05 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 32)[None, None]
        >>> bool(deblock(0.5 + grid).std() < 0.005)
        True
    """
    cell = 2
    while cell <= period:
        image = image - grid_pattern(image, cell, reach)
        cell *= 2
    return image


def grid_pattern(image: Tensor, cell: int, reach: int) -> Tensor:
    """Return the pattern (B, C, H, W) that repeats every `cell` pixels; its mean over a cell is 0."""
    height, width = image.shape[-2:]
    detail = image - cell_mean(image, cell)
    # An edge is a detail that the grid's own amplitude does not explain.
    weight = 1 / (1 + (detail / EDGE).square()).square()
    padding = (0, -width % cell, 0, -height % cell)
    places = [F.pixel_unshuffle(F.pad(maps, padding), cell) for maps in (detail * weight, weight)]
    around = max(1, round(reach / cell))
    sums, counts = (box_mean(maps, around) for maps in places)
    pattern = sums / counts.clamp_min(1e-6)
    shape = (len(pattern), image.shape[1], cell * cell, *pattern.shape[-2:])
    pattern = (pattern.view(shape) - pattern.view(shape).mean(2, keepdim=True)).view_as(pattern)
    return F.pixel_shuffle(pattern, cell)[..., :height, :width]


def cell_mean(image: Tensor, cell: int) -> Tensor:
    """Return the mean over exactly one cell around each pixel, so that a grid of this period leaves no trace."""
    half = cell // 2
    padded = F.pad(image, (half, half, half, half), mode="replicate")
    mean = F.avg_pool2d(padded, cell, 1)
    # The mean of an even number of pixels lies between two; the mean of two such lies on the pixel.
    return F.avg_pool2d(mean, 2, 1)


class Deblock(Postprocessor, name="deblock"):
    """Take the checkerboard out of the painted image that strided networks leave in it (Odena et al. 2016)."""

    style = "ignored"

    period: int = param(default=8, choices=(2, 4, 8, 16), help="longest period of the grid in pixels")
    reach: int = param(default=32, low=2, high=1000, help="over which the grid is taken to be even, in pixels")
    strength: float = param(default=1.0, low=0, high=1, help="share of the grid that is taken away")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image without the grid."""
        return image.lerp(deblock(image, self.period, self.reach), self.strength)
