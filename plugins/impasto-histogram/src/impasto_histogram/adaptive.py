"""Contrast-limited adaptive histogram equalisation (CLAHE)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.color import from_space, to_space

from .light import fit_srgb

BINS = 256
LEAST_TILE = 8
"""Pixels; tiles are not made smaller, as a histogram of fewer says little."""


def clip_histograms(shares: Tensor, limit: float) -> Tensor:
    """Return histograms (N, bins) that add up to 1 with no bin above `limit` times the average one.

    What is cut off is spread evenly over the bins that have room.
    """
    top = limit / shares.shape[-1]
    low = shares.new_zeros(len(shares), 1)
    high = low + top
    # How much to add is found by halving: passes over the excess, as in Zuiderveld's code, end above the limit.
    for _ in range(24):
        middle = (low + high) / 2
        enough = (shares + middle).clamp_max(top).sum(-1, keepdim=True) >= 1
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return (shares + high).clamp_max(top)


def equalize_adaptive(image: Tensor, tiles: int = 8, limit: float = 2.0) -> Tensor:
    """Spread the tones of each neighbourhood over the whole range, as far as the limit allows.

    The picture is divided into tiles.  The cumulative histogram of each is its curve, no steeper than `limit`;
    a pixel gets the bilinear mixture of what the curves of the four tiles around it say (Zuiderveld 1994).
    Curves are straight between 256 tones, so smooth gradients stay smooth.

    Args:
        image: (B, 1, H, W) float32 in [0, 1].
        tiles: along each side; fewer where tiles would have less than 8 pixels.
        limit: slope of a curve, 1 or more; 1 changes nothing.

    Returns:
        (B, 1, H, W) in [0, 1].

    Example:
        >>> import torch
        >>> dim = torch.rand(1, 1, 64, 64) / 4
        >>> bool(equalize_adaptive(dim).std() > dim.std())
        True
    """
    batch, _, height, width = image.shape
    down, across = (max(1, min(tiles, side // LEAST_TILE)) for side in (height, width))
    tones = image.clamp(0, 1).mul(BINS)
    below = tones.long().clamp_max(BINS - 1)
    row, column = (torch.arange(side, device=image.device) for side in (height, width))
    first = torch.arange(batch, device=image.device).view(batch, 1, 1) * (down * across)
    tile = first + (row * down // height)[:, None] * across + column * across // width
    counts = torch.bincount((tile * BINS + below[:, 0]).flatten(), minlength=batch * down * across * BINS)
    counts = counts.view(-1, BINS).float()
    steps = clip_histograms(counts / counts.sum(1, keepdim=True), limit)
    curves = F.pad(steps.cumsum(1), (1, 0))
    curves = (curves / curves[:, -1:]).flatten()
    part = tones - below

    def neighbours(place: Tensor, side: int, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """The tiles before and after each pixel, and how far it has come from one to the other."""
        position = ((place.float() + 0.5) * (number / side) - 0.5).clamp(0, number - 1)
        before = position.long()
        return before, (before + 1).clamp_max(number - 1), position - before

    upper, lower, downwards = neighbours(row, height, down)
    left, right, sideways = neighbours(column, width, across)

    def curve(rows: Tensor, columns: Tensor) -> Tensor:
        """What the curves of these tiles make of every pixel (B, 1, H, W)."""
        start = (first + rows[:, None] * across + columns)[:, None] * (BINS + 1) + below
        low, high = (curves.index_select(0, at.flatten()).view_as(image) for at in (start, start + 1))
        return low.lerp(high, part)

    above = curve(upper, left).lerp(curve(upper, right), sideways)
    beneath = curve(lower, left).lerp(curve(lower, right), sideways)
    return above.lerp(beneath, downwards[:, None]).clamp(0, 1)


class EqualizeAdaptive(Postprocessor, name="equalize-adaptive"):
    """Bring out local contrast (CLAHE) in lightness; colours stay."""

    style = "ignored"

    tiles: int = param(default=8, low=1, high=64, help="tiles along each side, each with a tone curve of its own")
    limit: float = param(default=2.0, low=1, high=64, help="how steep a tone curve may be; 1 changes nothing")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image with the lightness L* of each neighbourhood equalised; a* and b* stay."""
        lab = to_space(image, "lab")
        lightness = equalize_adaptive(lab[:, :1], self.tiles, self.limit)
        return fit_srgb(from_space(torch.cat([lightness, lab[:, 1:]], 1), "lab"))
