"""The checkpoints that painting networks are read from, whatever their layout."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from impasto import WeightsError, weights
from impasto.files import local_path

from .network import Network, Plan, Unit

BUFFER = re.compile(r"\.(running_\w+|num_batches_tracked)$")
"""What normalisation keeps in a checkpoint without using it."""


class Key(NamedTuple):
    """Where a tensor of a network lies: its unit, and which of `weight`, `bias`, `scale` and `shift` it is."""

    unit: str
    part: str


def _impasto_key(key: Key, style: str) -> str:
    return f"styles.{style}.{key.unit}.{key.part}" if key.part in ("scale", "shift") else f"{key.unit}.{key.part}"


def _flat_key(scale: str, shift: str) -> Callable[[Key, str], str]:
    parts = {"scale": scale, "shift": shift}
    return lambda key, style: f"{key.unit}.{parts.get(key.part, key.part)}"


NORMS = {"conv1": "in1", "conv2": "in2", "conv3": "in3", "up1": "in4", "up2": "in5"}
UPS = {"up1": "deconv1", "up2": "deconv2", "out": "deconv3"}


def _examples_key(key: Key, style: str) -> str:
    part = {"scale": "weight", "shift": "bias"}.get(key.part)
    if match := re.fullmatch(r"res(\d)([ab])", key.unit):
        number = {"a": 1, "b": 2}[match[2]]
        inside = f"conv{number}.conv2d.{key.part}" if part is None else f"in{number}.{part}"
        return f"res{match[1]}.{inside}"
    return f"{UPS.get(key.unit, key.unit)}.conv2d.{key.part}" if part is None else f"{NORMS[key.unit]}.{part}"


class Layout(NamedTuple):
    """A way to lay out a network in a checkpoint: what its first kernel is called, and what everything else is."""

    first: str
    plan: Plan
    name: Callable[[Key, str], str]
    has_bias: bool = True
    range: float = 1.0
    """The value of white, in what the network takes and gives."""


LAYOUTS = {
    "pytorch/examples": Layout("conv1.conv2d.weight", "examples", _examples_key, range=255.0),
    "pytorch/examples, renamed": Layout("conv1.gamma", "examples", _flat_key("gamma", "beta"), range=255.0),
    "lengstrom/fast-style-transfer": Layout("conv1.scale", "tensorflow", _flat_key("scale", "shift"), False, 255.0),
    "Impasto": Layout("skip.weight", "ours", _impasto_key),
}


def tensors(network: Network) -> dict[str, Tensor]:
    """Return the tensors of a network by their names in our files: `conv1.weight`, `styles.wave.conv1.scale`."""
    return {
        _impasto_key(Key(unit, part), network.styles[index]): value
        for unit, module in network.units()
        for part, index, value in _parts(module, len(network.styles))
    }


def _parts(unit: Unit, styles: int) -> list[tuple[str, int, Tensor]]:
    """Return (part, number of the style, tensor) of a unit; views, so that a copy into them changes the unit."""
    parts = [("weight", 0, unit.convolution.weight.data)]
    if unit.convolution.bias is not None:
        parts.append(("bias", 0, unit.convolution.bias.data))
    for part, linear in (("scale", unit.scale), ("shift", unit.shift)):
        if linear is not None:
            parts += [(part, index, linear.weight.data[:, index]) for index in range(styles)]
    return parts


def load_network(path: str | os.PathLike[str]) -> Network:
    """Return the network that a checkpoint holds.

    - `conv1.conv2d.weight`, `in1.weight`, …: one style, of pytorch/examples' fast_neural_style; the buffers that
      instance normalisation had before PyTorch 0.4 are left out, and so is the prefix `module.`.
    - `conv1.gamma`, …: the same, renamed unit by unit.
    - `conv1.scale`, …: one style, of lengstrom/fast-style-transfer, a TensorFlow network.
    - `conv1.weight`, `styles.wave.conv1.scale`, …: one or many styles, as `impasto train fast` gives them.

    Args:
        path: a .pth, .pt, .model or .safetensors file, opened safely (see `impasto.weights.load`).

    Raises:
        WeightsError: not a checkpoint, or not of such a network; the message says what it is.

    Example:
        >>> import tempfile
        >>> from safetensors.torch import save_file
        >>> path = tempfile.mkdtemp() + "/fast.safetensors"
        >>> save_file(tensors(Network(8, ["wave", "mosaic"])), path)
        >>> load_network(path).styles
        ('mosaic', 'wave')
    """
    file = local_path(path)
    stored = {key: value for key, value in weights.load(file).items() if not BUFFER.search(key)}
    layout = next((layout for layout in LAYOUTS.values() if layout.first in stored), None)
    if layout is None:
        raise _refusal(file, _description(stored))
    own = layout.plan == "ours"
    styles = sorted({key.split(".")[1] for key in stored if key.startswith("styles.")}) if own else [""]
    if not styles:
        raise _refusal(file, "holds no style (styles.NAME.conv1.scale, …)")
    first = stored.get(layout.name(Key("conv1", "weight"), styles[0]))
    if first is None or first.ndim != 4:
        raise _refusal(file, f"lacks {layout.name(Key('conv1', 'weight'), styles[0])}")
    with weights.empty_init():
        network = Network(len(first), styles, layout.plan)
    if not layout.has_bias:
        for _, unit in network.units():
            unit.convolution.bias = None
    _fill(network, stored, layout, file)
    return network


def _fill(network: Network, stored: Mapping[str, Tensor], layout: Layout, file: Path) -> None:
    def places() -> dict[str, Tensor]:
        return {
            layout.name(Key(unit, part), network.styles[index]): value
            for unit, module in network.units()
            for part, index, value in _parts(module, len(network.styles))
        }

    values = weights.check_state_dict(stored, places(), partial(_refusal, file))
    network.to_empty(device="cpu")  # only now: a file may claim to be of any width
    for name, place in places().items():
        place.copy_(values[name])
    # From here on pictures are in [0, 1].
    network.conv1.convolution.weight.data *= layout.range
    if layout.plan == "examples":
        network.out.convolution.weight.data /= layout.range
        assert network.out.convolution.bias is not None
        network.out.convolution.bias.data /= layout.range


def _description(stored: Mapping[str, Tensor]) -> str:
    """Return in words what a network is, of those that people have, that is not a painting network of this kind."""
    if any(".conv_block." in key for key in stored):
        return "is a generator of CycleGAN, which the stage cyclegan of impasto-cyclegan takes"
    if any(re.fullmatch(r"(features\.\d+|conv\d_\d)\.weight", key) for key in stored):
        return "looks like VGG, an encoder"
    if any(key.startswith("content_encoder.") for key in stored):
        return "is a network that takes a style picture (MicroAST), which the stage microast of impasto-adain takes"
    return f"is laid out as something else: {', '.join(list(stored)[:4])} …"


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        f"  what would work: a network in one of these layouts: {'; '.join(LAYOUTS)}\n"
        "  (to train one: impasto train fast --styles … --images …)"
    )


def cached_network(path: str | os.PathLike[str], device: torch.device | str | None = None) -> Network:
    """Return the network of a file, ready to use; the same one whenever asked again.

    Args:
        path: see `load_network`.
        device: where it computes; None is the CPU.
    """
    return weights.cached(load_network, path, device)
