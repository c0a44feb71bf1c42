"""VGG-19, or a thinner network of its plan, as an encoder."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import StageError, UnknownNameError, suggestion
from ..functional.resizing import size_of, size_text
from ..validation import check_features, check_image
from .protocols import Encoder
from .tiles import receptive_radius
from .vgg import CONVOLUTIONS, FIRST_LAYERS, LAST, VGG, Padding, Pooling


class VGGEncoder(nn.Module):
    """Give the features of pictures by layer name, in bfloat16 under autocast and in float32 otherwise.

    The normalisation a network was trained with happens inside: pictures are sRGB in [0, 1].  Gradients flow
    to the picture, never to the weights, which are frozen.

    Args:
        network: a `VGG`, which is frozen.
        name: what messages call it.
        pooling: "max" as trained, or "average", which Gatys et al. (2016) found to give smoother pictures.
        padding: of the picture before the first convolution; "replicate" leaves no dark frame. Deeper
            convolutions pad with zeros, as VGG-19 was trained.
        calibrated: map each layer's thin features by a learned matrix, so that distances and Gram losses
            estimate VGG-19's; the identity for VGG-19 itself.

    Raises:
        ValueError: a value outside those, or a thin network without such matrices.

    Example:
        >>> import torch
        >>> thin = VGGEncoder(VGG((4, 8, 16), "3_1"), "thin")
        >>> thin.channels["relu2_1"]
        8
        >>> features = thin.features(torch.rand(1, 3, 32, 48), ["relu1_1", "relu3_1"])
        >>> features["relu3_1"].shape
        torch.Size([1, 16, 8, 12])
    """

    def __init__(
        self,
        network: VGG,
        name: str = "encoder",
        *,
        pooling: Pooling = "max",
        padding: Padding = "replicate",
        calibrated: bool = False,
    ) -> None:
        super().__init__()
        for what, value, choices in (
            ("pooling", pooling, ("max", "average")),
            ("padding", padding, ("replicate", "reflect", "zeros")),
        ):
            if value not in choices:
                raise ValueError(f"{name}: {what} = {value!r} is not one\n  what would work: {', '.join(choices)}")
        self.network = network.eval().requires_grad_(False)
        if self.network.mean.device.type == "cpu":
            # Measured at three widths: 6 to 26 % faster forwards, and no slower backwards, in float32 too.
            self.network.to(memory_format=torch.channels_last)
        self.name, self.pooling, self.padding, self.calibrated = name, pooling, padding, calibrated
        self.layers = tuple(f"{kind}{conv}" for conv in network.convolutions for kind in ("conv", "relu"))
        """Every layer's name, shallow to deep."""
        self.channels: Mapping[str, int] = {layer: network.channels[layer[4:]] for layer in self.layers}
        """The number of channels of each layer."""
        self.strides: Mapping[str, int] = {layer: 1 << (int(layer[4]) - 1) for layer in self.layers}
        """How many pixels lie between positions of each layer."""
        self.style_layers = tuple(layer for layer in FIRST_LAYERS if layer in self.channels)
        """The first layer of each block, where Gatys et al. (2016) measure style."""
        self.content_layer = self.style_layers[:4][-1]
        """relu4_1, which keeps forms and lets go of brushwork; the deepest such layer of a network that ends before."""
        self._metrics = [
            f"relu{key.removeprefix('metric')}" for key in dict(network.named_buffers()) if key.startswith("metric")
        ]
        self._copies: dict[tuple[torch.dtype, torch.device], VGG] = {}
        if calibrated and not self._metrics and not network.full_width:
            raise ValueError(
                f"{name}: has no matrices that calibrate its features to VGG-19's\n"
                "  what would work: calibrated=False, or one that has them: slim19, slim19-half"
            )

    def features(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the features of a picture by layer name, computing no deeper than the deepest.

        Args:
            image: (B, 3, H, W), float32 sRGB in [0, 1], on the encoder's device.
            layers: names such as `relu3_1`, or `conv3_1` for the sums before the ReLU.

        Returns:
            (B, C, h, w) by layer, h = H // 2 ** (block - 1); the autocast type under `torch.autocast`,
            else float32.

        Raises:
            UnknownNameError: an unknown layer, or one deeper than the network, or not calibrated.
            ValueError: a picture too small to be pooled so often, on another device, or of a wrong shape.
            TypeError: not a float32 tensor.
        """
        self._check(image, layers)
        device = image.device.type
        if not torch.is_autocast_enabled(device):
            return self._run(self.network, image, layers)
        check_features(image, self.name)
        network = self._copy(torch.get_autocast_dtype(device))
        with torch.autocast(device, enabled=False):  # it would cast the weights anew at every call
            return self._run(network, image, layers)

    forward = features

    def radius(self, layers: Sequence[str]) -> int:
        """Return the radius of the receptive field in pixels, down to the deepest of some layers."""
        convolutions = self.network.convolutions
        deepest = max(convolutions.index(layer[4:]) for layer in layers)
        return receptive_radius(self.network, convolutions[: deepest + 1])

    def deeper(self, features: Tensor, layer: str, deeper: str) -> Tensor:
        """Return the features of a deeper layer that follow from those (B, C, H, W) of a layer.

        Args:
            features: after the ReLU.
            layer: whose they are, such as `relu3_1`.
            deeper: such as `relu4_1`.
        """
        first, last = (CONVOLUTIONS.index(name.removeprefix("relu")) for name in (layer, deeper))
        for name in CONVOLUTIONS[first + 1 : last + 1]:
            if name.endswith("_1"):
                features = F.avg_pool2d(features, 2) if self.pooling == "average" else F.max_pool2d(features, 2)
            features = F.relu(self.network.get_submodule(f"conv{name}")(features))
        return features

    def memory(self, layers: Sequence[str], pixels: int, bytes_each: int) -> int:
        """Return about how many bytes the features of some layers take beyond the network, with their gradients.

        What is stored for the backward pass: the output of every ReLU, the indices of max pooling, and for each layer
        a loss looks at, its float32 copy and (calibrated) map.  What comes and goes: gradients of the largest layer
        in two precisions.

        Args:
            layers: that are asked for.
            pixels: of the picture.
            bytes_each: of a number: 4 of float32, 2 of bfloat16.
        """
        stored = largest = 0
        for layer in self.layers[: max(self.layers.index(layer) for layer in layers) + 1]:
            if not layer.startswith("relu"):
                continue
            values = self.channels[layer] * pixels // self.strides[layer] ** 2
            stored += values * bytes_each
            if layer[4:] in LAST[:-1]:
                stored += values // 4 * (8 * (self.pooling == "max") + bytes_each)
            if layer in layers:
                stored += values * (4 + bytes_each * self.calibrated)
            largest = max(largest, values)
        return stored + largest * (4 + 2 * bytes_each)

    def _run(self, network: VGG, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        features = network(image, layers, self.pooling, self.padding)
        if not (self.calibrated and self._metrics):
            return cast(dict[str, Tensor], features)
        return {
            layer: F.conv2d(x, network.get_buffer(f"metric{layer.removeprefix('relu')}")[..., None, None])
            for layer, x in features.items()
        }

    def _copy(self, dtype: torch.dtype) -> VGG:
        """Return the network in another precision, made once; bfloat16 is fast in channels_last alone."""
        key = dtype, self.network.mean.device
        if key not in self._copies:
            low = copy.deepcopy(self.network).to(dtype).to(memory_format=torch.channels_last)
            low.mean, low.std = self.network.mean, self.network.std
            self._copies[key] = low
        return self._copies[key]

    def _check(self, image: Tensor, layers: Sequence[str]) -> None:
        if isinstance(layers, str):
            raise TypeError(f"{self.name}: layers are a list of names\n  what to type: features(image, [{layers!r}])")
        for layer in layers:
            if layer not in self.channels:
                raise UnknownNameError(self._unknown(layer))
            if self.calibrated and self._metrics and layer not in self._metrics:
                raise UnknownNameError(
                    f"{self.name}: {layer} is not calibrated to VGG-19\n"
                    f"  what would work: {', '.join(self._metrics)}; or an encoder with calibrated=False"
                )
        if (
            not isinstance(image, Tensor)
            or image.dtype != torch.float32
            or image.ndim != 4
            or image.shape[1] != 3
            or 0 in image.shape
        ):
            check_image(image, self.name)  # which says what is wrong; always called, it would read every pixel
        if image.device != self.network.mean.device:
            raise ValueError(
                f"{self.name}: is on {self.network.mean.device} and the picture on {image.device}\n"
                f"  what to type: impasto.encoder({self.name!r}, device=image.device)"
            )
        least = max([2 ** (int(layer[4]) - 1) for layer in layers] + [2 if self.padding == "reflect" else 1])
        if min(image.shape[-2:]) < least:
            raise ValueError(
                f"{self.name}: a picture of {size_text(size_of(image))} pixels is too small "
                f"for {max(layers, key=lambda layer: layer[4:], default='it')}\n"
                f"  what would work: at least {least} pixels on each side, or a shallower layer"
            )

    def _unknown(self, layer: str) -> str:
        names = ", ".join(name for name in self.layers if name.startswith("relu"))
        message = f"{self.name}: has no layer called {layer!r}\n  it has: {names}, and conv1_1 … before each ReLU"
        if str(layer)[:4] in ("conv", "relu") and str(layer)[4:] in CONVOLUTIONS:
            advice = f"{self.layers[-1]} or a shallower one, or the encoder vgg19"
            return f"{message}\n  {layer} is deeper than the network\n  what would work: {advice}"
        return message + suggestion(str(layer), self.layers)

    def extra_repr(self) -> str:
        """Say name and options."""
        return f"{self.name!r}, pooling={self.pooling!r}, padding={self.padding!r}, calibrated={self.calibrated}"


def require_vgg(who: str, encoder: Encoder) -> VGGEncoder:
    """Return an encoder of VGG's plan as what it is, for methods that work inside the network; refuse any other.

    Args:
        who: begins the message, such as a stage's name.
        encoder: of any kind.

    Raises:
        StageError: it is no VGG.

    Example:
        >>> import impasto
        >>> require_vgg("mine", impasto.encoder("slim19")).name
        'slim19'
    """
    if not isinstance(encoder, VGGEncoder):
        raise StageError(
            f"{who}: works inside the blocks of VGG-19, and the encoder {encoder.name} is a {type(encoder).__name__}\n"
            "  what would work: slim19, slim19-half, vgg19, or the path of a checkpoint of VGG-19"
        )
    return encoder
