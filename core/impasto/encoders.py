"""Feature extractors addressed by layer name: VGG-19, and the same plan made thin and shipped in the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pooling = Literal["max", "average"]
Padding = Literal["replicate", "reflect", "zeros"]

DEPTHS = (2, 2, 4, 4, 4)
"""Convolutions in each of the five blocks of VGG-19; a 2x2 pooling stands between blocks."""

CONVOLUTIONS = tuple(f"{block}_{i}" for block, depth in enumerate(DEPTHS, 1) for i in range(1, depth + 1))
"""``1_1`` to ``5_4``, shallow to deep; ``conv3_1`` names the sum before the ReLU, ``relu3_1`` what follows it."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGG(nn.Module):
    """Compute the activations of a VGG-19 of any width, normalising the picture inside.

    Args:
        widths: channels of the five blocks; (64, 128, 256, 512, 512) is VGG-19 itself.
        deepest: the last convolution the network has, such as ``5_1``.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512), deepest: str = "5_4") -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.convolutions = CONVOLUTIONS[: CONVOLUTIONS.index(deepest) + 1]
        channels = 3
        for name in self.convolutions:
            width = self.widths[int(name[0]) - 1]
            self.add_module(f"conv{name}", nn.Conv2d(channels, width, 3, padding=1))
            channels = width
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(
        self,
        image: Tensor,
        layers: Sequence[str],
        pooling: Pooling = "max",
        padding: Padding = "replicate",
    ) -> dict[str, Tensor]:
        """Return the features of an sRGB picture (B, 3, H, W) in [0, 1] by layer name, computing no deeper."""
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        x = (image - self.mean) / self.std
        for name in self.convolutions:
            if name.endswith("_1") and name != "1_1":
                x = F.max_pool2d(x, 2) if pooling == "max" else F.avg_pool2d(x, 2)
            convolution: nn.Conv2d = getattr(self, f"conv{name}")
            if name == "1_1" and padding != "zeros":
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=padding), convolution.weight, convolution.bias)
            else:
                x = convolution(x)
            if f"conv{name}" in wanted:
                found[f"conv{name}"] = x
            x = F.relu(x)
            if f"relu{name}" in wanted:
                found[f"relu{name}"] = x
            if len(found) == len(wanted):
                return {layer: found[layer] for layer in layers}
        raise LookupError(f"no such layers: {sorted(wanted - set(found))}")
