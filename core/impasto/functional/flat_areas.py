"""Noise for areas of a picture that have no detail to paint by."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import luma
from .filters import block_mean, box_mean

DEVIATION = 0.02
"""Of the noise, of [0, 1]: seen through instance normalisation or whitening it becomes brushwork; twice as much
mottles skies."""
DETAIL = 0.006
"""Mean distance from the neighbourhood's mean luma at which an area counts as textured, of [0, 1]: the trails of stars
in a smooth sky do."""
NEIGHBOURHOOD, WINDOW = 1, 3
"""Radii of the neighbourhood of a position, and of the window that its detail is averaged over, in 2×2 pixels."""
SIDE = 1024
"""Pixels after which the noise repeats."""
LONGEST = 32
"""Wavelength of the coarsest noise in pixels: about as far as strokes of shipped networks are long."""


def flatness(image: Tensor) -> Tensor:
    """Return how flat a picture is at each pixel: 1 where it is constant or a ramp, 0 where it has texture or an edge.

    Args:
        image: (B, 3, H, W), sRGB in [0, 1].

    Returns:
        (B, 1, H, W) in [0, 1].

    Example:
        >>> ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
        >>> flatness(ramp)[..., 32, 32].item() > 0.9, flatness(torch.rand(1, 3, 64, 64)).max().item()
        (True, 0.0)
    """
    coarse = block_mean(luma(image), 2)
    detail = box_mean((coarse - box_mean(coarse, NEIGHBOURHOOD)).abs(), WINDOW)
    return F.interpolate((1 - detail / DETAIL).clamp(0), image.shape[-2:], mode="bilinear")


def add_noise_to_flat_areas(image: Tensor, deviation: float = DEVIATION) -> Tensor:
    """Return a picture with faint noise where it is flat, of which a network can make strokes.

    A network whose features are the same everywhere paints the same everywhere.  The noise is the same for every
    picture, so that a clip does not flicker, grey, and about as strong at all wavelengths up to 32 pixels.

    Args:
        image: (B, 3, H, W), sRGB in [0, 1].
        deviation: of the noise where the picture is flat, of [0, 1].

    Returns:
        (B, 3, H, W) in [0, 1].

    Example:
        >>> white = torch.ones(1, 3, 64, 64)
        >>> noisy = add_noise_to_flat_areas(white, 0.03)
        >>> 0.01 < noisy.std().item() < 0.03, noisy.max().item() <= 1
        (True, True)
    """
    result = image.clone()
    strength = flatness(image).mul_(deviation)
    noise = noise_texture().to(image)
    height, width = image.shape[-2:]
    for top in range(0, height, SIDE):
        for left in range(0, width, SIDE):
            place = (..., slice(top, top + SIDE), slice(left, left + SIDE))
            own, given = strength[place], image[place]
            noisy = given + own * noise[: own.shape[-2], : own.shape[-1]]
            # Mirrored at black and at white: clipped, half of it would be flat again.
            result[place] = torch.where(own > 0, 1 - (1 - noisy.abs()).abs(), given)
    return result


@cache
def noise_texture() -> Tensor:
    """Return noise (S, S) of mean 0 and deviation 1 that goes on at its borders; amplitudes fall with frequency.

    Example:
        >>> noise_texture().shape, abs(noise_texture().std().item() - 1) < 1e-3
        (torch.Size([1024, 1024]), True)
    """
    rng = torch.Generator().manual_seed(0)
    white = torch.randn(SIDE, SIDE, generator=rng, dtype=torch.float32, device="cpu")
    rows = torch.fft.fftfreq(SIDE, dtype=torch.float32, device="cpu")[:, None]
    frequency = torch.hypot(rows, torch.fft.rfftfreq(SIDE, dtype=torch.float32, device="cpu"))
    amplitude = torch.where(frequency > 1 / LONGEST, 1 / frequency, 0.0)
    noise: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * amplitude)
    return noise / noise.std()
