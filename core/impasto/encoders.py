"""Feature extractors addressed by layer name: VGG-19, and the same plan made thin and shipped in the wheel.

`encoder("slim19")` gives one that is ready to use; `encoder("vgg_conv.pth")` reads a checkpoint people have.
"""

from __future__ import annotations

import copy
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import weights
from .convolutions import rectified
from .hookspecs import hookimpl
from .host import host, suggestion
from .stage import check_image, shape
from .weights import Weights, WeightsError

Pooling = Literal["max", "average"]
Padding = Literal["replicate", "reflect", "zeros"]

DEPTHS = (2, 2, 4, 4, 4)
"""Convolutions in each of the five blocks of VGG-19; a 2x2 pooling stands between blocks."""

CONVOLUTIONS = tuple(f"{block}_{i}" for block, depth in enumerate(DEPTHS, 1) for i in range(1, depth + 1))
"""``1_1`` to ``5_4``, shallow to deep; ``conv3_1`` names the sum before the ReLU, ``relu3_1`` the rest."""

LAST = tuple(f"{block}_{depth}" for block, depth in enumerate(DEPTHS, 1))
"""The last convolution of each block, which pooling follows."""

WIDTHS = (64, 128, 256, 512, 512)
"""Channels of the five blocks of VGG-19."""

BAND = 1 << 23
"""Bytes of the first block's features that are made at a time."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)

SLIM19 = Weights(
    name="slim19.safetensors",
    sha256="7e0156423e40859efa0425ccc754d260dd1cf7629d5d3c68b75d1c3232498cb1",
    size=1_698_992,
    licence="MIT; taught by VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project on VGG-19's features",
    expects="VGG-19's plan with 16 to 128 channels, conv1_1 to conv5_1, and its metric to VGG-19",
    file="impasto/networks/slim19.safetensors",
)
SLIM19_HALF = Weights(
    name="slim19-half.safetensors",
    sha256="c9422c9d0d91375a3a27aff776615e5497904bedae57b315c6c33480447535df",
    size=6_782_968,
    licence="MIT; taught by VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project on VGG-19's features",
    expects="VGG-19's plan with 32 to 256 channels, conv1_1 to conv5_1, and its metric to VGG-19",
    file="impasto/networks/slim19-half.safetensors",
)
VGG19 = Weights(
    name="vgg19-dcbb9e9d.pth",
    sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    size=574_673_361,
    licence="BSD-3-Clause",
    origin="torchvision's VGG19_Weights.IMAGENET1K_V1, trained on ImageNet",
    expects="VGG-19 (Simonyan & Zisserman 2015) in torchvision's layout",
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
)


class VGG(nn.Module):
    """Compute the activations of a VGG-19 of any width, normalising the picture inside.

    Args:
        widths: channels of the five blocks; (64, 128, 256, 512, 512) is VGG-19 itself.
        deepest: the last convolution the network has, such as ``5_1``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, widths: Sequence[int] = WIDTHS, deepest: str = "5_4") -> None:
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
        """Return the features of sRGB pictures (B, 3, H, W) in [0, 1] by layer name, computing no deeper."""
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        # Normalised in the picture's precision, then cast: bfloat16 holds only 256 levels of [0, 1].
        x = torch.addcmul(-self.mean / self.std, image, 1 / self.std)
        x = x.to(self.get_parameter("conv1_1.weight").dtype)
        x = F.pad(x, (1, 1, 1, 1), mode="constant" if padding == "zeros" else padding)
        names = self.convolutions
        # Gradients would need the whole of it, and other devices have no caches that it has to fit.
        if pooling == "max" and x.device.type == "cpu" and not x.requires_grad and all(it[4:5] != "1" for it in wanted):
            x, names = self._first_block(x), names[2:]
        for name in names:
            convolution: nn.Conv2d = getattr(self, f"conv{name}")
            around = 0 if name == "1_1" else 1  # the picture has been padded
            if around and convolution.padding_mode == "reflect":
                x, around = F.pad(x, (1, 1, 1, 1), mode="reflect"), 0
            # The maximum may as well be taken first: the ReLU then meets a quarter of the values.
            rectify = pooling == "average" or name not in LAST or f"relu{name}" in wanted
            if rectify and f"conv{name}" not in wanted:
                x = rectified(x, convolution.weight, convolution.bias, around)
            else:
                sums = F.conv2d(x, convolution.weight, convolution.bias, padding=around)
                if f"conv{name}" in wanted:
                    found[f"conv{name}"] = sums
                x = F.relu(sums) if rectify else sums
            if f"relu{name}" in wanted:
                found[f"relu{name}"] = x
            if len(found) == len(wanted):
                return {layer: found[layer] for layer in layers}
            if name in LAST:
                x = F.relu(max_pooled(x), inplace=True) if pooling == "max" else F.avg_pool2d(x, 2)
        raise LookupError(f"no such layers: {sorted(wanted - set(found))}")

    def _first_block(self, x: Tensor) -> Tensor:
        """Return the first block's features, pooled, of padded pictures (B, 3, H + 2, W + 2), made in bands of rows.

        At full size they are the largest of all: a band's stay in the processor's cache.
        """
        first, second = self.get_submodule("conv1_1"), self.get_submodule("conv1_2")
        assert isinstance(first, nn.Conv2d)
        height, row = x.shape[-2] - 2, x.shape[-1] * self.widths[0] * x.element_size()
        count = -(-height * row // BAND)
        band = max(-(-height // count // 2) * 2, 16)
        bands = []
        for top in range(0, height, band):
            above, below = max(top - 1, 0), min(top + band + 1, height)
            inside = rectified(x[..., above : below + 2, :], first.weight, first.bias)
            bands.append(F.relu(max_pooled(second(inside)[..., top - above : top - above + band, :]), inplace=True))
        return torch.cat(bands, -2)


def max_pooled(x: Tensor) -> Tensor:
    """Return features (B, C, H, W) pooled to the maxima of 2×2 positions; an odd last row or column is left out."""
    if x.requires_grad or x.device.type != "cpu":
        return F.max_pool2d(x, 2)
    # On the CPU torch also notes where the maxima were, which takes ten times as long.
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    rows = torch.maximum(x[..., ::2, :], x[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


class Encoder(nn.Module):
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
        >>> thin = Encoder(VGG((4, 8, 16), "3_1"), "thin")
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
        self.channels: Mapping[str, int] = {layer: network.widths[int(layer[4]) - 1] for layer in self.layers}
        """The number of channels of each layer."""
        self._metrics = [
            f"relu{key.removeprefix('metric')}" for key in dict(network.named_buffers()) if key.startswith("metric")
        ]
        self._copies: dict[tuple[torch.dtype, torch.device], VGG] = {}
        if calibrated and not self._metrics and network.widths != WIDTHS[: len(network.widths)]:
            raise ValueError(
                f"{name}: has no matrices that calibrate its features to VGG-19's\n"
                "  what would work: calibrated=False, or one that has them: slim19, slim19-half"
            )

    def features(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the features of a picture by layer name, computing no deeper than the deepest asked.

        Args:
            image: (B, 3, H, W), float32 sRGB in [0, 1], on the encoder's device.
            layers: names such as `relu3_1`, or `conv3_1` for the sums before the ReLU.

        Returns:
            (B, C, h, w) by layer, h = H // 2 ** (block - 1); the autocast type under `torch.autocast`,
            else float32.

        Raises:
            LookupError: an unknown layer, or one deeper than the network, or not calibrated.
            ValueError: a picture that pooling leaves nothing of, on another device, or of a wrong shape.
            TypeError: not a float32 tensor.
        """
        self._check(image, layers)
        device = image.device.type
        if not torch.is_autocast_enabled(device):
            return self._run(self.network, image, layers)
        network = self._copy(torch.get_autocast_dtype(device))
        with torch.autocast(device, enabled=False):  # it would cast the weights anew at every call
            return self._run(network, image, layers)

    forward = features

    def _run(self, network: VGG, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        found = network(image, layers, self.pooling, self.padding)
        if not (self.calibrated and self._metrics):
            return cast(dict[str, Tensor], found)
        return {
            layer: F.conv2d(x, network.get_buffer(f"metric{layer.removeprefix('relu')}")[..., None, None])
            for layer, x in found.items()
        }

    def _copy(self, dtype: torch.dtype) -> VGG:
        """Return the network in another precision, made once; bfloat16 is fast in channels_last alone."""
        key = dtype, self.network.mean.device
        if key not in self._copies:
            made = copy.deepcopy(self.network).to(dtype).to(memory_format=torch.channels_last)
            made.mean, made.std = self.network.mean, self.network.std
            self._copies[key] = made
        return self._copies[key]

    def _check(self, image: Tensor, layers: Sequence[str]) -> None:
        if isinstance(layers, str):
            raise TypeError(f"{self.name}: layers are a list of names\n  what to type: features(image, [{layers!r}])")
        for layer in layers:
            if layer not in self.channels:
                raise LookupError(self._unknown(layer))
            if self.calibrated and self._metrics and layer not in self._metrics:
                raise LookupError(
                    f"{self.name}: {layer} is not calibrated to VGG-19\n"
                    f"  calibrated: {', '.join(self._metrics)}\n  or: an encoder with calibrated=False"
                )
        if (
            not isinstance(image, Tensor)
            or image.dtype != torch.float32
            or image.ndim != 4
            or image.shape[1] != 3
            or 0 in image.shape
        ):
            check_image(image, self.name)  # which says what is wrong; asking it always would read every pixel
        if image.device != self.network.mean.device:
            raise ValueError(
                f"{self.name}: is on {self.network.mean.device} and the picture on {image.device}\n"
                f"  what to type: impasto.encoder({self.name!r}, device=image.device)"
            )
        least = max([2 ** (int(layer[4]) - 1) for layer in layers] + [2 if self.padding == "reflect" else 1])
        if min(image.shape[-2:]) < least:
            raise ValueError(
                f"{self.name}: a picture of {image.shape[-2]}×{image.shape[-1]} pixels is too small "
                f"for {max(layers, key=lambda layer: layer[4:], default='it')}\n"
                f"  what would work: at least {least} pixels on each side, or a shallower layer"
            )

    def _unknown(self, layer: str) -> str:
        shown = ", ".join(name for name in self.layers if name.startswith("relu"))
        message = f"{self.name}: has no layer called {layer!r}\n  it has: {shown}, and conv1_1 … before each ReLU"
        if str(layer)[:4] in ("conv", "relu") and str(layer)[4:] in CONVOLUTIONS:
            advice = f"{self.layers[-1]} or a shallower one, or the encoder vgg19"
            return f"{message}\n  {layer} is deeper than the network\n  what would work: {advice}"
        return message + suggestion(str(layer), self.layers)

    def extra_repr(self) -> str:
        """Say name and options."""
        return f"{self.name!r}, pooling={self.pooling!r}, padding={self.padding!r}, calibrated={self.calibrated}"


def encoder(
    name_or_path: str | os.PathLike[str],
    *,
    pooling: Pooling = "max",
    padding: Padding = "replicate",
    calibrated: bool = False,
    device: torch.device | str | None = None,
) -> Encoder:
    """Return an encoder by its name, or from a checkpoint file; the same one whenever asked again.

    Args:
        name_or_path: `slim19`, `slim19-half`, `vgg19` or what plugins offer; or the path of a file that
            `load_vgg` reads.
        pooling: see `Encoder`.
        padding: see `Encoder`.
        calibrated: see `Encoder`.
        device: where it computes; None is the CPU. An encoder is shared, so ask for one on another device
            instead of moving it.

    Raises:
        LookupError: no encoder of this name, and no such file.
        WeightsError: weights that cannot be found, verified or opened.

    Example:
        >>> import impasto
        >>> vgg = impasto.encoder("slim19")
        >>> content = impasto.samples.content("astronaut")
        >>> vgg.features(content, ["relu3_1"])["relu3_1"].shape[1]
        64
    """
    where = torch.device("cpu" if device is None else device)
    if where.type == "cuda" and where.index is None:
        where = torch.device("cuda", torch.cuda.current_device())
    name = os.fspath(name_or_path)
    path = Path(name).expanduser().resolve()
    if name not in host().encoders and (path.is_file() or path.suffix or not isinstance(name_or_path, str)):
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
        return _encoder(path, stamp, name, pooling, padding, calibrated, where)
    return _encoder(host().encoder(name), None, name, pooling, padding, calibrated, where)


Source = Path | Callable[[], nn.Module]


@lru_cache(maxsize=32)
def _encoder(
    source: Source,
    stamp: tuple[int, int] | None,
    name: str,
    pooling: Pooling,
    padding: Padding,
    calibrated: bool,
    device: torch.device,
) -> Encoder:
    network = _network(source, stamp, device)
    if isinstance(network, VGG):
        return Encoder(network, name, pooling=pooling, padding=padding, calibrated=calibrated)
    if not isinstance(network, Encoder):
        raise TypeError(
            f"the encoder {name!r} was loaded as {type(network).__name__}, which has no features by layer\n"
            "  what would work: a loader that returns impasto.encoders.load_vgg(path), or an impasto.Encoder"
        )
    if (network.pooling, network.padding) != (pooling, padding):
        raise ValueError(f"the encoder {name!r} comes with its pooling and padding\n  it is: {network.extra_repr()}")
    return network


@lru_cache(maxsize=8)
def _network(source: Source, stamp: tuple[int, int] | None, device: torch.device) -> nn.Module:
    return (load_vgg(source) if isinstance(source, Path) else source()).to(device)


@hookimpl
def impasto_encoders() -> Mapping[str, Callable[[], nn.Module]]:
    """Offer the encoders that come with Impasto."""
    return {"slim19": load_slim19, "slim19-half": load_slim19_half, "vgg19": load_vgg19}


def load_slim19() -> VGG:
    """Return VGG-19's plan with 16 to 128 channels, to conv5_1, from the wheel."""
    return load_vgg(weights.find(SLIM19))


def load_slim19_half() -> VGG:
    """Return VGG-19's plan with 32 to 256 channels, to conv5_1, from the wheel."""
    return load_vgg(weights.find(SLIM19_HALF))


def load_vgg19() -> VGG:
    """Return torchvision's VGG-19, downloading it once (575 MB)."""
    return load_vgg(weights.find(VGG19))


# ----------------------------------------------------------------------------------------- checkpoint layouts

TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Where torchvision's `features` hold the convolutions."""

NORMALISED = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)
"""Where the Sequential of `vgg_normalised.pth` holds them; at 0 is a 1x1 one that normalises colours."""

# The centre of the first filter, by input channel as stored, tells the two public VGG-19s from each other.
TORCHVISION_CENTRE = (0.045068, 0.227050, 0.139550)
CAFFE_CENTRE = (0.089663, 0.103716, 0.099731)


class Colours(NamedTuple):
    """What a network's first convolution takes: `matrix @ (rgb - mean) / std`, with rgb in [0, 1]."""

    mean: Tensor
    std: Tensor
    matrix: Tensor


IMAGENET = Colours(torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD), torch.eye(3))
CAFFE = Colours(torch.tensor(CAFFE_MEAN), torch.ones(3), 255 * torch.eye(3).flip(0))


def load_vgg(path: str | os.PathLike[str], prefix: str = "") -> VGG:
    """Return the VGG-19, or thin network of its plan, that a checkpoint holds, whatever its layout.

    The layout is told by the names of the tensors, and the colours it expects become part of the network:

    - `features.N`: torchvision's, with its normalisation. Caffe's VGG-19 in this layout (BGR in 0 to 255
      less its mean) is known by the names classifier.1 and classifier.4 (`vgg19-d01eb7cb.pth`) or by the
      numbers of its first filter (`vgg19-74e45263.pth`). Numbers that are neither network's are taken to
      expect torchvision's normalisation, with a warning.
    - `convB_C` of full width: Gatys' `vgg_conv.pth`, with Caffe's colours unless the first filter is
      torchvision's. Weights in 8 bits (`.weight.q` with `.weight.scale_min`) are expanded.
    - `convB_C` of any width with `metricB_C` (C, C), as slim19: torchvision's normalisation; or with `mean`
      and `std` (1, 3, 1, 1), as a `VGG` saves itself: those.
    - The 53-entry Sequential of `vgg_normalised.pth`, and `convB_C` with `conv0` (3, 3, 1, 1): the 1x1
      convolution they begin with is folded into the next. Such networks pad every layer by reflection, which
      is kept (ask for padding="reflect" to have the first layer do so too), and round sizes up when they
      pool, where a `VGG` rounds down: features agree when the sides are multiples of 16.

    Any of them may end early, as the files for AdaIN and WCT do, if nothing before the end is missing.

    Args:
        path: a .pth, .pt or .safetensors file; it is opened safely, see `impasto.weights.load`.
        prefix: of the names of its tensors, in a file that holds several networks: `e3.`.

    Returns:
        The network, float32 on the CPU.

    Raises:
        WeightsError: not a checkpoint, or not a VGG-19 in one of these layouts; the message says what it is.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/thin.pth"
        >>> torch.save(VGG((4, 8, 16), "3_1").state_dict(), path)
        >>> load_vgg(path).widths
        (4, 8, 16)
    """
    file = Path(path)
    stored = {key.removeprefix(prefix): x for key, x in weights.load(file).items() if key.startswith(prefix)}
    tensors = _expanded(file, _renamed(file, stored))
    metrics = {key: value for key, value in tensors.items() if key.startswith("metric")}
    convolutions = {key: value for key, value in tensors.items() if re.fullmatch(r"conv[1-9]_\d\.\w+", key)}
    others = set(tensors) - set(metrics) - set(convolutions) - {"mean", "std", "conv0.weight", "conv0.bias"}
    if others:
        raise _refusal(file, f"has {', '.join(sorted(others)[:5])}, which is no part of a VGG-19")
    unsound = [k for k, v in tensors.items() if not (v.is_floating_point() and torch.isfinite(v).all())]
    if unsound:
        raise _refusal(file, f"has values that are not finite numbers in {', '.join(unsound[:5])}")
    network = _empty(file, convolutions)
    colours = _colours(file, stored, tensors, network)
    state = {key: value.float().contiguous() for key, value in convolutions.items()}
    with torch.autocast("cpu", enabled=False):  # a stage that loads it runs under one, and the result stays
        first = torch.einsum("oikl,ij->ojkl", state["conv1_1.weight"], colours.matrix)
    state["conv1_1.weight"] = first.contiguous()
    state["mean"], state["std"] = (values.clone().view(1, 3, 1, 1) for values in colours[:2])
    network.load_state_dict(state, assign=True)
    if "conv0.weight" in tensors:
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.padding_mode = "reflect"
    for key, value in metrics.items():
        name = key.removeprefix("metric")
        width = network.widths[int(name[0]) - 1] if name in network.convolutions else 0
        if value.shape != (width, width):
            raise _refusal(file, f"{key} is {shape(value)}, which does not fit its layer")
        network.register_buffer(key, value.float())
    return network


def _renamed(file: Path, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names that `VGG` gives them, less those that serve other ends."""
    if any("running_mean" in key for key in stored):
        raise _refusal(file, "is batch-normalised, which VGG-19 is not")
    if "features.17.weight" in stored or ("conv4_1.bias" in stored and "conv3_4.bias" not in stored):
        raise _refusal(file, "looks like a VGG-16: its third block ends after three convolutions")
    numbers: dict[str, str] = {}
    if "features.0.weight" in stored:
        numbers = {f"features.{n}": f"conv{name}" for n, name in zip(TORCHVISION, CONVOLUTIONS, strict=True)}
    elif "0.weight" in stored and stored["0.weight"].shape == (3, 3, 1, 1):
        numbers = {
            "0": "conv0",
            **{str(n): f"conv{name}" for n, name in zip(NORMALISED, CONVOLUTIONS, strict=True)},
        }
    tensors = {}
    for key, value in stored.items():
        owner, _, kind = key.rpartition(".")
        if not (owner.startswith("classifier.") or owner.endswith(".aux")):
            tensors[f"{numbers.get(owner, owner)}.{kind}" if owner else key] = value
    if not any(key.startswith("conv1_1.weight") for key in tensors):
        raise _refusal(file, f"is laid out as something else: {', '.join(list(stored)[:4])} …")
    return tensors


def _expanded(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with those in 8 bits as floats: `q * scale + min`."""
    found = {key: value for key, value in tensors.items() if not key.endswith((".q", ".scale_min"))}
    for key, value in tensors.items():
        if key.endswith(".q"):
            name = key.removesuffix(".q")
            if f"{name}.scale_min" not in tensors:
                raise _refusal(file, f"has {key} without {name}.scale_min")
            scale, least = tensors[f"{name}.scale_min"]
            found[name] = value.float() * scale + least
    return found


def _empty(file: Path, convolutions: Mapping[str, Tensor]) -> VGG:
    """Return a network, its values still to be set, whose shapes these are; or refuse them."""
    names = [name for name in CONVOLUTIONS if f"conv{name}.weight" in convolutions]
    widths = [len(convolutions[f"conv{name}.weight"]) for name in names if name.endswith("_1")]
    missing = [name for name in CONVOLUTIONS[: CONVOLUTIONS.index(names[-1])] if name not in names]
    if missing:
        raise _refusal(file, f"lacks {', '.join(f'conv{name}' for name in missing)} but has conv{names[-1]}")
    with weights.hollow():
        network = VGG(widths, names[-1])
    expected = {key: value.shape for key, value in network.named_parameters()}
    for key in sorted({*expected, *convolutions}):
        if key not in convolutions or key not in expected:
            raise _refusal(file, f"lacks {key}" if key in expected else f"has {key}, which is no part of a VGG-19")
        if convolutions[key].shape != expected[key]:
            raise _refusal(file, f"{key} is {shape(convolutions[key])}, expected {tuple(expected[key])}")
    return network


def _colours(file: Path, stored: Mapping[str, Tensor], tensors: Mapping[str, Tensor], network: VGG) -> Colours:
    """Return what the first 3x3 convolution of a checkpoint takes."""
    if "conv0.weight" in tensors:
        matrix, offset = tensors["conv0.weight"].float().view(3, 3), tensors["conv0.bias"].float()
        # The colour that conv0 takes to 0 is the mean; padding with zeros then means the same here as there.
        return Colours(-torch.linalg.solve(matrix, offset), torch.ones(3), matrix)
    if "mean" in tensors and "std" in tensors:
        return Colours(tensors["mean"].float(), tensors["std"].float(), torch.eye(3))
    if any(key.startswith("metric") for key in tensors):
        return IMAGENET
    if network.widths != WIDTHS[: len(network.widths)]:
        raise _refusal(
            file,
            f"has {', '.join(map(str, network.widths))} channels by block, not VGG-19's, and nothing in it"
            " says how it normalises colours (tensors mean and std, each (1, 3, 1, 1), would)",
        )
    if {"classifier.1.weight", "classifier.4.weight"} & set(stored):
        return CAFFE
    centre = tensors["conv1_1.weight"][0, :, 1, 1].float()
    for known, colours in ((TORCHVISION_CENTRE, IMAGENET), (CAFFE_CENTRE, CAFFE)):
        if torch.allclose(centre, torch.tensor(known), rtol=0.01):
            return colours
    if "features.0.weight" not in stored:
        return CAFFE
    warnings.warn(
        f"{file} is laid out as torchvision's VGG-19 but has numbers of its own; "
        "it is taken to expect torchvision's normalisation",
        stacklevel=3,
    )
    return IMAGENET


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        "  what would work: a VGG-19 as torchvision (features.0.weight …), Gatys (conv1_1.weight …) or\n"
        "  AdaIN (vgg_normalised.pth) lay it out, or a network of its plan trained with Impasto"
    )
