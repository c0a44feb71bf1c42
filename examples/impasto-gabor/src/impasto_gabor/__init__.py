"""An encoder that nobody trained: oriented edges and lines at four sizes, by Gabor filters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import impasto

ORIENTATIONS = 4
RADIUS = 3
"""Of a filter, in positions."""
WAVELENGTH = 5.0
"""Of the waves, in positions."""


class Gabor(nn.Module):
    """Give colours, and the responses of oriented filters to brightness, of a picture and of smaller copies of it."""

    name = "gabor"
    layers = ("gabor1", "gabor2", "gabor4", "gabor8")
    channels: ClassVar[Mapping[str, int]] = dict.fromkeys(layers, 3 + 4 * ORIENTATIONS)
    strides: ClassVar[Mapping[str, int]] = dict(zip(layers, (1, 2, 4, 8), strict=True))
    content_layer = "gabor4"

    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", filters())

    def features(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the features (B, 19, H // stride, W // stride) of a picture (B, 3, H, W) by layer."""
        for layer in layers:
            if layer not in self.strides:
                raise LookupError(f"gabor: has no layer called {layer!r}\n  it has: {', '.join(self.layers)}")
        least = max((self.strides[layer] for layer in layers), default=1)
        if min(image.shape[-2:]) < least:
            raise ValueError(
                f"gabor: a picture of {image.shape[-1]}×{image.shape[-2]} pixels is too small\n"
                f"  what would work: at least {least} pixels on each side"
            )
        return {layer: self.responses(F.avg_pool2d(image, self.strides[layer])) for layer in layers}

    def responses(self, image: Tensor) -> Tensor:
        """Return colours, and where each filter or its negative responds."""
        brightness = F.pad(image.mean(1, keepdim=True), (RADIUS,) * 4, mode="replicate")
        response = F.conv2d(brightness, self.bank)
        return torch.cat([image, response.relu(), (-response).relu()], 1)

    def radius(self, layers: Sequence[str]) -> int:
        """Return how far features look, in pixels."""
        return RADIUS * max(self.strides[layer] for layer in layers)


def filters() -> Tensor:
    """Return Gabor filters (8, 1, 7, 7): for each orientation one that finds lines, and one that finds edges."""
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float32)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    window = torch.exp(-(x.square() + y.square()) / (2 * (RADIUS / 2) ** 2))
    bank = []
    for turn in range(ORIENTATIONS):
        angle = math.pi * turn / ORIENTATIONS
        phase = 2 * math.pi / WAVELENGTH * (x * math.cos(angle) + y * math.sin(angle))
        line = window * phase.cos()
        for wave in (line - window * (line.sum() / window.sum()), window * phase.sin()):  # neither sees plain areas
            bank.append(wave / wave.abs().sum())
    return torch.stack(bank)[:, None]


@impasto.hookimpl
def impasto_encoders() -> dict[str, Callable[[], nn.Module]]:
    """Offer the encoder."""
    return {"gabor": Gabor}
