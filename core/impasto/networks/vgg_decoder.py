"""Decoders: VGG's plan in reverse, which paint a picture from the features of one layer.

`load_decoders("decoder.pth")` reads the checkpoints people have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ..validation import check_features
from .convolutions import (
    FewChannels,
    block_conv2d,
    conv2d_relu,
    depth_to_space,
    fill_halo,
    pad2d,
    upsample2d,
    upsample_conv2d,
)
from .tiles import receptive_radius
from .vgg import CONVOLUTIONS, LAST, WIDTHS, by_convolution
from .vgg_encoder import VGGEncoder


class VGGDecoder(nn.Module):
    """Paint pictures from the features of one layer, through an encoder's convolutions in reverse.

    Where the encoder pools, the features are upsampled by nearest neighbours, and every convolution pads by
    reflection: transposed convolutions would leave a checkerboard, and zeros a dark frame.

    Args:
        widths: channels of the five blocks, or of as many as the layer needs; the last are the layer's.  Or those that
            each convolution takes, by its name.
        layer: `relu1_1` to `relu5_1`, whose features it decodes.
        skips: shallower layers, such as `relu3_1`, whose features are added where it comes to their size;
            and how many channels those have.

    Example:
        >>> import torch
        >>> VGGDecoder((4, 8), "relu2_1")(torch.rand(1, 8, 16, 24)).shape
        torch.Size([1, 3, 32, 48])
    """

    def __init__(
        self,
        widths: Sequence[int] | Mapping[str, int] = WIDTHS,
        layer: str = "relu4_1",
        skips: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.layer, self.convolutions = layer, decoder_convolutions(layer)
        taken = by_convolution(widths, self.convolutions)
        self.widths = tuple(width for name, width in reversed(taken.items()) if name.endswith("_1"))
        """Channels that the convolutions take which invert the first of each block."""
        self.channels: Mapping[str, int] = {layer: self.widths[-1], **(skips or {})}
        """Channels of the layers whose features it takes, its own first."""
        self.layers = tuple(self.channels)
        for name, before in zip(self.convolutions, (*self.convolutions[1:], None), strict=True):
            width = taken[name]
            convolution = FewChannels(width, 3, 3) if before is None else nn.Conv2d(width, taken[before], 3)
            # torch's own initialisation shrinks the features at every layer.
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.add_module(f"conv{name}", convolution)

        for skip, width in (skips or {}).items():
            convolution = nn.Conv2d(width, taken[LAST[int(skip[4]) - 1]], 1, bias=False)
            nn.init.zeros_(convolution.weight)  # at first it is the decoder without it
            self.add_module(skip.replace("relu", "skip"), convolution)

    @classmethod
    def for_encoder(
        cls, encoder: VGGEncoder, layer: str, skips: Sequence[str] = (), widths: Sequence[int] = ()
    ) -> VGGDecoder:
        """Return an untrained decoder for a layer of an encoder, as wide as that, or with blocks of other widths."""
        taken = {name: encoder.channels[f"relu{name}"] for name in decoder_convolutions(layer)}
        if widths:
            taken = by_convolution((*widths, encoder.channels[layer]), decoder_convolutions(layer))
        return cls(taken, layer, {skip: encoder.channels[skip] for skip in skips})

    @property
    def radius(self) -> int:
        """How far, in pixels, what it paints depends on features."""
        return receptive_radius(self, self.convolutions)

    def forward(self, features: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Return pictures (B, 3, H, W), sRGB about [0, 1].

        Args:
            features: (B, C, h, w), of its layer; or of all its layers by name.
        """
        by_layer = {self.layer: features} if isinstance(features, Tensor) else features
        for layer, values in by_layer.items():
            check_features(values, f"the decoder of {layer}")
        x, upsample = pad2d(by_layer[self.layer], 1), False
        for name, after in pairwise(self.convolutions):
            convolution = self._convolution(name)
            if upsample:
                x = upsample_conv2d(convolution, x, rectify=True)
                if after == "1_1":
                    return block_conv2d(self._convolution(after), x)
                x = depth_to_space(x)
            else:
                fill = partial(fill_halo, replicate=name.endswith("_1"))
                x = conv2d_relu(x, convolution.weight, convolution.bias, padding=1, fill=fill)
            upsample, skip = name.endswith("_1"), f"{int(name[0]) - 1}_1"
            if upsample and f"relu{skip}" in self.layers:
                x = upsample2d(x[..., 1:-1, 1:-1])
                x = x + self.get_submodule(f"skip{skip}")(by_layer[f"relu{skip}"])
                x, upsample = pad2d(x, 1), False
        painted: Tensor = self._convolution("1_1")(x)
        return painted

    def _convolution(self, name: str) -> nn.Conv2d:
        convolution = self.get_submodule(f"conv{name}")
        assert isinstance(convolution, nn.Conv2d)
        return convolution


def decoder_convolutions(layer: str) -> tuple[str, ...]:
    """Return the convolutions of a decoder, first to last, by the names of the encoder's that they invert.

    Example:
        >>> decoder_convolutions("relu2_1")
        ('2_1', '1_2', '1_1')
    """
    return CONVOLUTIONS[: CONVOLUTIONS.index(layer.removeprefix("relu")) + 1][::-1]
