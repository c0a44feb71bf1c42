"""Checkpoints of VGG-19 and thinner networks of its plan, in the layouts in which people have them."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import weights
from ..errors import WeightsError
from ..validation import shape
from .vgg import CONVOLUTIONS, IMAGENET_MEAN, IMAGENET_STD, VGG

CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)


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


IMAGENET = Colours(
    torch.tensor(IMAGENET_MEAN, dtype=torch.float32, device="cpu"),
    torch.tensor(IMAGENET_STD, dtype=torch.float32, device="cpu"),
    torch.eye(3, dtype=torch.float32, device="cpu"),
)


CAFFE = Colours(
    torch.tensor(CAFFE_MEAN, dtype=torch.float32, device="cpu"),
    torch.ones(3, dtype=torch.float32, device="cpu"),
    255 * torch.eye(3, dtype=torch.float32, device="cpu").flip(0),
)


def load_vgg(path: str | os.PathLike[str], prefix: str = "") -> VGG:
    """Return the VGG-19, or thin network of its plan, that a checkpoint holds, whatever its layout.

    The names of the tensors tell the layout, and the colours it expects become part of the network:

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
    tensors = _dequantised(file, _under_own_names(file, stored))
    metrics = {key: value for key, value in tensors.items() if key.startswith("metric")}
    convolutions = {key: value for key, value in tensors.items() if re.fullmatch(r"conv[1-9]_\d\.\w+", key)}
    others = set(tensors) - set(metrics) - set(convolutions) - {"mean", "std", "conv0.weight", "conv0.bias"}
    if others:
        raise _refusal(file, f"has {', '.join(sorted(others)[:5])}, which is no part of a VGG-19")
    network = _network_of_shape(file, convolutions)
    _check_shapes(file, {key: value for key, value in tensors.items() if key not in convolutions}, network)
    weights.check_numbers(tensors, partial(_refusal, file))
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
        network.register_buffer(key, value.float())
    return network


def _under_own_names(file: Path, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names that `VGG` gives them, without those of classifiers and auxiliary heads."""
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
    if not {"conv1_1.weight", "conv1_1.weight.q"} & set(tensors):
        raise _refusal(file, f"is laid out as something else: {', '.join(list(stored)[:4])} …")
    return tensors


def _dequantised(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with those quantised to 8 bits as floats: `q * scale + min`."""
    floats = {key: value for key, value in tensors.items() if not key.endswith((".q", ".scale_min"))}
    for key, value in tensors.items():
        if key.endswith(".q"):
            name = key.removesuffix(".q")
            if f"{name}.scale_min" not in tensors:
                raise _refusal(file, f"has {key} without {name}.scale_min")
            scale_min = tensors[f"{name}.scale_min"]
            if scale_min.shape != (2,):
                raise _refusal(file, f"{name}.scale_min is {shape(scale_min)}, expected (2,)")
            floats[name] = value.float() * scale_min[0] + scale_min[1]
    return floats


def _network_of_shape(file: Path, convolutions: Mapping[str, Tensor]) -> VGG:
    """Return a network without values whose parameters have these shapes, or refuse them."""
    names = [name for name in CONVOLUTIONS if f"conv{name}.weight" in convolutions]
    for name in names:
        if convolutions[f"conv{name}.weight"].ndim != 4:
            raise _refusal(file, f"conv{name}.weight is {shape(convolutions[f'conv{name}.weight'])}, no convolution")
    widths = {name: len(convolutions[f"conv{name}.weight"]) for name in names}
    missing = [name for name in CONVOLUTIONS[: CONVOLUTIONS.index(names[-1])] if name not in names]
    if missing:
        raise _refusal(file, f"lacks {', '.join(f'conv{name}' for name in missing)} but has conv{names[-1]}")
    with weights.empty_init():
        network = VGG(widths, names[-1])
    expected = {key: value.shape for key, value in network.named_parameters()}
    for key in sorted({*expected, *convolutions}):
        if key not in convolutions or key not in expected:
            raise _refusal(file, f"lacks {key}" if key in expected else f"has {key}, which is no part of a VGG-19")
        if convolutions[key].shape != expected[key]:
            raise _refusal(file, f"{key} is {shape(convolutions[key])}, expected {tuple(expected[key])}")
    return network


def _check_shapes(file: Path, others: Mapping[str, Tensor], network: VGG) -> None:
    """Raise unless what a checkpoint has beside convolutions is there as a whole and fits them."""
    for pair in (("mean", "std"), ("conv0.weight", "conv0.bias")):
        if len(present := [key for key in pair if key in others]) == 1:
            raise _refusal(file, f"has {present[0]} without the other of {' and '.join(pair)}")
    for key, value in others.items():
        expected: tuple[int, ...] = (3, 3, 1, 1) if key == "conv0.weight" else (3,)
        if key.startswith("metric"):
            name = key.removeprefix("metric")
            width = network.channels.get(name, 0)
            expected = (width, width)
        found = value.flatten().shape if key in ("mean", "std") else value.shape  # as a `VGG` has them: (1, 3, 1, 1)
        if found != expected:
            raise _refusal(file, f"{key} is {shape(value)}, which does not fit, expected {expected}")


def _colours(file: Path, stored: Mapping[str, Tensor], tensors: Mapping[str, Tensor], network: VGG) -> Colours:
    """Return what the first 3x3 convolution of a checkpoint takes."""
    if "conv0.weight" in tensors:
        matrix, offset = tensors["conv0.weight"].float().view(3, 3), tensors["conv0.bias"].float()
        # The colour that conv0 takes to 0 is the mean; padding with zeros then means the same here as there.
        try:
            return Colours(
                -torch.linalg.solve(matrix, offset), torch.ones(3, dtype=torch.float32, device="cpu"), matrix
            )
        except RuntimeError as error:  # torch's: the matrix is singular
            raise _refusal(file, "has a conv0 that makes fewer than three colours of three") from error
    if "mean" in tensors and "std" in tensors:
        return Colours(tensors["mean"].float(), tensors["std"].float(), torch.eye(3, dtype=torch.float32, device="cpu"))
    if any(key.startswith("metric") for key in tensors):
        return IMAGENET
    if not network.full_width:
        raise _refusal(
            file,
            f"has {', '.join(map(str, network.widths))} channels by block, not VGG-19's, and nothing in it"
            " says how it normalises colours (tensors mean and std, each (1, 3, 1, 1), would)",
        )
    if {"classifier.1.weight", "classifier.4.weight"} & set(stored):
        return CAFFE
    centre = tensors["conv1_1.weight"][0, :, 1, 1].float()
    for filter_centre, colours in ((TORCHVISION_CENTRE, IMAGENET), (CAFFE_CENTRE, CAFFE)):
        if torch.allclose(centre, torch.tensor(filter_centre, dtype=torch.float32, device="cpu"), rtol=0.01):
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
