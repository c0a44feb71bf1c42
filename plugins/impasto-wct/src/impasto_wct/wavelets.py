"""Haar wavelets in the place of pooling: what pooling drops is handed on to the decoder (Yoo et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from impasto import StageError
from impasto.networks import CONVOLUTIONS, Decoder, VGGEncoder

LAYER = "relu4_1"
DETAILS = ("relu3_1", "relu2_1", "relu1_1")
"""The blocks whose details go to the decoder, by their first layers."""

Hook = Callable[[str, Tensor], Tensor]
"""From a layer's name and its features to the features that go on in their place."""


def check_details(who: str, decoder: Decoder) -> None:
    """Raise a `StageError` unless a decoder takes the details of every block.

    Args:
        who: begins the message: a stage or training, and the decoder's name or file.
        decoder: for the layer `LAYER`.
    """
    if set(decoder.layers) != {LAYER, *DETAILS}:
        raise StageError(
            f"{who} holds no decoder for {LAYER} that takes the details of every block\n"
            "  what would work: the decoder that ships, or one trained by impasto train wct-photo-decoder;\n"
            "  decoders of wct and adain have no place for details"
        )


def unchanged(layer: str, features: Tensor) -> Tensor:
    """Return features as they are."""
    return features


def haar(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of 2×2 blocks, and what they lack: the sum of Haar's three bands of detail.

    Args:
        x: (B, C, H, W), of even sides.

    Returns:
        (B, C, H/2, W/2) and (B, C, H, W); the first, each value repeated, plus the second is `x`.

    Example:
        >>> import torch
        >>> coarse, detail = haar(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]))
        >>> coarse.item(), detail.flatten().tolist()
        (4.0, [-3.0, -1.0, 1.0, 3.0])
    """
    coarse = F.avg_pool2d(x, 2)
    return coarse, x - F.interpolate(coarse, scale_factor=2.0)


def features_and_details(encoder: VGGEncoder, image: Tensor, hook: Hook = unchanged) -> dict[str, Tensor]:
    """Return the input of a decoder: the features at relu4_1, and the details that three poolings took away.

    Args:
        encoder: of VGG-19's plan; where it pools, only means go on.
        image: (B, 3, H, W), sRGB in [0, 1]; sides are multiples of 8.
        hook: called with each layer's name and features, shallow to deep; what it returns goes on.

    Returns:
        The features by `relu4_1`, and the details of each block by its first layer, (B, C, h, w).
    """
    network, details = encoder.network, {}
    x = (image - network.mean) / network.std
    for name in CONVOLUTIONS[: CONVOLUTIONS.index(LAYER.removeprefix("relu")) + 1]:
        convolution = network.get_submodule(f"conv{name}")
        assert isinstance(convolution, nn.Conv2d)
        if name == "1_1":
            mode = "constant" if encoder.padding == "zeros" else encoder.padding
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), convolution.weight, convolution.bias)
        else:
            if name.endswith("_1"):
                x, details[f"relu{int(name[0]) - 1}_1"] = haar(x)
            x = convolution(x)
        x = hook(f"relu{name}", F.relu(x))
    return details | {LAYER: x}


def wavelet_features(encoder: VGGEncoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features (B, C, h, w) of some layers of an encoder that pools by wavelets."""
    features: dict[str, Tensor] = {}

    def keep(layer: str, x: Tensor) -> Tensor:
        if layer in layers:
            features[layer] = x
        return x

    features_and_details(encoder, image, keep)
    return features
