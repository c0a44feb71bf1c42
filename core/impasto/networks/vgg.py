"""VGG-19's plan, at any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .convolutions import conv2d_relu

Pooling = Literal["max", "average"]


Padding = Literal["replicate", "reflect", "zeros"]

DEPTHS = (2, 2, 4, 4, 4)
"""Convolutions in each of the five blocks of VGG-19; a 2x2 pooling stands between blocks."""


CONVOLUTIONS = tuple(f"{block}_{i}" for block, depth in enumerate(DEPTHS, 1) for i in range(1, depth + 1))
"""``1_1`` to ``5_4``, shallow to deep; the layer ``conv3_1`` is before the ReLU, ``relu3_1`` after it."""


FIRST_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
"""The first layer of each block, where style is mostly measured."""


LAST = tuple(f"{block}_{depth}" for block, depth in enumerate(DEPTHS, 1))
"""The last convolution of each block, which pooling follows."""


WIDTHS = (64, 128, 256, 512, 512)
"""Channels of the five blocks of VGG-19."""


BAND = 1 << 23
"""Bytes of the first block's features that are computed at a time."""


IMAGENET_MEAN = (0.485, 0.456, 0.406)


IMAGENET_STD = (0.229, 0.224, 0.225)


class VGG(nn.Module):
    """VGG-19 (Simonyan and Zisserman 2015) of any width, which normalises the picture inside.

    Args:
        widths: channels of the five blocks, (64, 128, 256, 512, 512) in VGG-19 itself; or of each convolution by its
            name.
        deepest: the last convolution of the network, such as ``5_1``.

    Example:
        >>> network = VGG((4, 8, 16), "3_1")
        >>> network(torch.rand(1, 3, 32, 48), ["relu3_1"])["relu3_1"].shape
        torch.Size([1, 16, 8, 12])
        >>> VGG({"1_1": 4, "1_2": 4, "2_1": 24}, "2_1").widths
        (4, 24)
    """

    mean: Tensor
    std: Tensor

    def __init__(self, widths: Sequence[int] | Mapping[str, int] = WIDTHS, deepest: str = "5_4") -> None:
        super().__init__()
        self.convolutions = CONVOLUTIONS[: CONVOLUTIONS.index(deepest) + 1]
        self.channels = by_convolution(widths, self.convolutions)
        """How many each convolution has, by its name."""
        self.widths = tuple(width for name, width in self.channels.items() if name.endswith("_1"))
        """Channels of the first convolution of each block."""
        channels = 3
        for name, width in self.channels.items():
            self.add_module(f"conv{name}", nn.Conv2d(channels, width, 3, padding=1))
            channels = width
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN, dtype=torch.float32, device="cpu").view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD, dtype=torch.float32, device="cpu").view(1, 3, 1, 1))

    @property
    def full_width(self) -> bool:
        """Whether it is as wide as VGG-19 itself."""
        return self.channels == by_convolution(WIDTHS, self.convolutions)

    def forward(
        self,
        image: Tensor,
        layers: Sequence[str],
        pooling: Pooling = "max",
        padding: Padding = "replicate",
    ) -> dict[str, Tensor]:
        """Return the features of pictures by layer name, computing no deeper than the deepest.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1].
            layers: names such as ``relu3_1``, or ``conv3_1`` for the sums before the ReLU.
            pooling: between blocks; "max" as trained, or "average".
            padding: of the picture before the first convolution.

        Raises:
            LookupError: a layer that the network lacks.
        """
        requested = set(layers)
        features: dict[str, Tensor] = {}
        # Normalised in the picture's precision, then cast: bfloat16 holds only 256 levels of [0, 1].
        x = torch.addcmul(-self.mean / self.std, image, 1 / self.std)
        x = x.to(self.get_parameter("conv1_1.weight").dtype)
        x = F.pad(x, (1, 1, 1, 1), mode="constant" if padding == "zeros" else padding)
        names = self.convolutions
        # Gradients would need the whole of it, and other devices have no caches that it has to fit.
        if (
            pooling == "max"
            and x.device.type == "cpu"
            and not x.requires_grad
            and all(layer[4:5] != "1" for layer in requested)
        ):
            x, names = self._first_block(x), names[2:]
        for name in names:
            convolution: nn.Conv2d = getattr(self, f"conv{name}")
            around = 0 if name == "1_1" else 1  # the picture has been padded
            if around and convolution.padding_mode == "reflect":
                x, around = F.pad(x, (1, 1, 1, 1), mode="reflect"), 0
            # The maximum may as well be taken first: the ReLU then meets a quarter of the values.
            rectify = pooling == "average" or name not in LAST or f"relu{name}" in requested
            if rectify and f"conv{name}" not in requested:
                x = conv2d_relu(x, convolution.weight, convolution.bias, around)
            else:
                sums = F.conv2d(x, convolution.weight, convolution.bias, padding=around)
                if f"conv{name}" in requested:
                    features[f"conv{name}"] = sums
                x = F.relu(sums) if rectify else sums
            if f"relu{name}" in requested:
                features[f"relu{name}"] = x
            if len(features) == len(requested):
                return {layer: features[layer] for layer in layers}
            if name in LAST:
                x = F.relu(max_pooled(x), inplace=True) if pooling == "max" else F.avg_pool2d(x, 2)
        raise LookupError(f"no such layers: {sorted(requested - set(features))}")

    def _first_block(self, x: Tensor) -> Tensor:
        """Return the first block's features, pooled, of padded pictures (B, 3, H + 2, W + 2), in bands of rows.

        At full size they are the largest of all: a band's stay in the CPU's cache.
        """
        first, second = self.get_submodule("conv1_1"), self.get_submodule("conv1_2")
        assert isinstance(first, nn.Conv2d)
        height, row = x.shape[-2] - 2, x.shape[-1] * self.widths[0] * x.element_size()
        count = -(-height * row // BAND)
        band = max(-(-height // count // 2) * 2, 16)
        bands = []
        for top in range(0, height, band):
            above, below = max(top - 1, 0), min(top + band + 1, height)
            inside = conv2d_relu(x[..., above : below + 2, :], first.weight, first.bias)
            bands.append(F.relu(max_pooled(second(inside)[..., top - above : top - above + band, :]), inplace=True))
        return torch.cat(bands, -2)


def by_convolution(
    widths: Sequence[int] | Mapping[str, int], convolutions: Sequence[str] = CONVOLUTIONS
) -> dict[str, int]:
    """Return the channels of each convolution by its name, from those of the blocks or of each convolution.

    Example:
        >>> by_convolution((4, 8), ["1_1", "1_2", "2_1"])
        {'1_1': 4, '1_2': 4, '2_1': 8}
    """
    if isinstance(widths, Mapping):
        return {name: widths[name] for name in convolutions}
    return {name: widths[int(name[0]) - 1] for name in convolutions}


def max_pooled(x: Tensor) -> Tensor:
    """Return features (B, C, H, W) pooled to the maxima of 2×2 positions; an odd last row or column is left out."""
    if x.requires_grad or x.device.type != "cpu":
        return F.max_pool2d(x, 2)
    # On the CPU torch also notes where the maxima were, which takes ten times as long.
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    rows = torch.maximum(x[..., ::2, :], x[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
