"""Where the distillation of a thin network starts: from its teacher's channels, or from a narrower network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ParameterError
from .linear_fit import choose_channels, ridge_regression
from .vgg import CONVOLUTIONS, FIRST_LAYERS, VGG

DEEPEST = "5_1"
"""The last convolution of thin networks."""


@torch.no_grad()
def initial_student(
    teacher: VGG, widths: Sequence[int] | Mapping[str, int], images: Tensor, positions: int = 60_000
) -> VGG:
    """Return a thin network made, layer by layer, of the teacher's most predictive channels.

    Each thin layer takes the channels that linearly predict all of the teacher's best (pivoted Cholesky of
    their second moments) and is fitted to them by least squares, from the output of the thin layers before it.

    Args:
        teacher: VGG-19.
        widths: channels of the student's five blocks, or of each convolution by its name.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from.
        positions: how many at most are drawn for each fit.
    """
    student = VGG(widths, DEEPEST)
    x = (images - student.mean) / student.std
    dtype = next(teacher.parameters()).dtype
    names = [f"conv{name}" for name in student.convolutions]
    teacher_sums = [teacher(image[None].to(dtype), names) for image in images]
    for name in student.convolutions:
        if name.endswith("_1") and name != "1_1":
            x = F.max_pool2d(x, 2)
        sums = torch.cat([features.pop(f"conv{name}").float() for features in teacher_sums])
        chosen, scale = choose_channels(F.relu(sums), student.channels[name])
        target = sums[:, chosen] / scale[:, None, None]
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate" if name == "1_1" else "constant")
        patches = F.unfold(padded, 3)
        inputs = patches.mT.reshape(-1, patches.shape[1])
        outputs = target.flatten(2).mT.reshape(-1, len(chosen))
        if len(inputs) > positions:
            drawn = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0), device="cpu")[:positions]
            inputs, outputs = inputs[drawn], outputs[drawn]
        solution = ridge_regression(F.pad(inputs, (0, 1), value=1.0), outputs)
        convolution = getattr(student, f"conv{name}")
        convolution.weight.copy_(solution[:-1].mT.reshape(convolution.weight.shape))
        convolution.bias.copy_(solution[-1])
        x = F.relu(F.conv2d(padded, convolution.weight, convolution.bias))
    return student


@torch.no_grad()
def widened(network: VGG, widths: Sequence[int] | Mapping[str, int]) -> VGG:
    """Return a network with more channels whose first ones are those of another, to the bit.

    The new channels are random, and the old ones of deeper layers look at none of them.

    Args:
        network: to start from.
        widths: channels of the five blocks, or of each convolution by its name.

    Raises:
        ParameterError: the network has more channels.

    Example:
        >>> narrow, image = VGG((4, 4), "2_1"), torch.rand(1, 3, 16, 16)
        >>> wide = widened(narrow, (4, 6))
        >>> features = wide(image, ["relu2_1"])["relu2_1"]
        >>> features.shape[1], torch.equal(features[:, :4], narrow(image, ["relu2_1"])["relu2_1"])
        (6, True)
    """
    convolutions = network.convolutions
    wide = VGG(widths, convolutions[-1])
    for name in convolutions:
        old, new = network.get_parameter(f"conv{name}.weight"), wide.get_parameter(f"conv{name}.weight")
        outputs, inputs = old.shape[:2]
        if outputs > len(new):
            raise ParameterError(
                f"conv{name} has {outputs} channels to start from, more than the {len(new)} that are trained"
            )
        # As large as what they see, less the mean that all pictures share.
        torch.nn.init.kaiming_normal_(new, nonlinearity="relu")
        new.sub_(new.mean((1, 2, 3), keepdim=True))
        new[:outputs] = 0
        new[:outputs, :inputs] = old
        bias = wide.get_parameter(f"conv{name}.bias")
        bias.zero_()
        bias[:outputs] = network.get_parameter(f"conv{name}.bias")
    return wide


def layers_after(convolution: str) -> tuple[str, ...]:
    """Return the first layers of the blocks that come after a convolution; all of them after none.

    Example:
        >>> layers_after("3_1")
        ('relu4_1', 'relu5_1')
    """
    first = CONVOLUTIONS.index(convolution) + 1 if convolution else 0
    return tuple(layer for layer in FIRST_LAYERS if CONVOLUTIONS.index(layer.removeprefix("relu")) >= first)


@torch.no_grad()
def feature_scales(teacher: VGG, images: Tensor, layers: Sequence[str] = FIRST_LAYERS) -> dict[str, float]:
    """Return the root mean square of the teacher's features by layer; its deepest ones are a hundred times its first.

    Heads to features of size one learn at the same rate as the rest of the network.
    """
    dtype = next(teacher.parameters()).dtype
    powers = [
        {layer: x.float().square().mean().item() for layer, x in teacher(image[None].to(dtype), layers).items()}
        for image in images
    ]
    return {layer: math.sqrt(sum(power[layer] for power in powers) / len(powers)) for layer in layers}


@torch.no_grad()
def fit_heads(student: VGG, teacher: VGG, images: Tensor, layers: Sequence[str] = FIRST_LAYERS) -> dict[str, Tensor]:
    """Return the linear maps of least squares from a thin network's features to the teacher's, by layer."""
    dtype = next(teacher.parameters()).dtype
    heads = {}
    for layer in layers:
        thin = torch.cat([student(image[None], [layer])[layer] for image in images])
        wide = torch.cat([teacher(image[None].to(dtype), [layer])[layer].float() for image in images])
        inputs = thin.transpose(0, 1).flatten(1).mT
        outputs = wide.transpose(0, 1).flatten(1).mT
        heads[layer] = ridge_regression(inputs, outputs).mT.contiguous()
    return heads
