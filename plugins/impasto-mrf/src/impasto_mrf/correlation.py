"""Correlations of a picture with many small kernels, by Fourier transforms of tiles."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_TILE = 64
"""Side of the smallest Fourier transforms, in pixels: the fastest for blocks of 8 to 20 where it was measured."""


class Correlator:
    """Correlates a picture with many small kernels of one size, at every place at once, by Fourier transforms.

    The picture is cut into overlapping tiles (overlap-save), so that the transform of a kernel is small, and one
    inverse transform gives the sum over all channels.

    Args:
        picture: (C, h, w) float32.
        block: side b of the kernels in pixels, at most h and w.

    Example:
        >>> import torch
        >>> Correlator(torch.rand(4, 20, 30), block=8)(torch.rand(5, 4, 8, 8)).shape
        torch.Size([5, 13, 23])
    """

    def __init__(self, picture: Tensor, block: int) -> None:
        height, width = picture.shape[-2:]
        self.height, self.width = height - block + 1, width - block + 1
        self.tile = min(max(LEAST_TILE, power_of_two(3 * block)), power_of_two(max(height, width)))
        self.step = self.tile - block + 1
        down, across = (-(-length // self.step) for length in (self.height, self.width))
        bottom, right = (number * self.step + block - 1 for number in (down, across))
        tiles = F.pad(picture, (0, right - width, 0, bottom - height))
        tiles = tiles.unfold(1, self.tile, self.step).unfold(2, self.tile, self.step)
        self.spectrum = torch.fft.rfft2(tiles)

    def __call__(self, kernels: Tensor) -> Tensor:
        """Return the correlations (N, h-b+1, w-b+1) with kernels (N, C, b, b)."""
        waves = torch.fft.rfft2(kernels, s=(self.tile, self.tile)).conj().resolve_conj()[:, :, None, None]
        # One channel at a time: their products with the tiles are never held for all.
        total = waves[:, 0] * self.spectrum[0]
        for channel in range(1, waves.shape[1]):
            total.addcmul_(waves[:, channel], self.spectrum[channel])
        tiles = torch.fft.irfft2(total, s=(self.tile, self.tile))[..., : self.step, : self.step]
        joined: Tensor = tiles.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return joined[..., : self.height, : self.width]


def power_of_two(least: int) -> int:
    """Return the smallest power of two that is not below a number."""
    return 1 << (least - 1).bit_length()
