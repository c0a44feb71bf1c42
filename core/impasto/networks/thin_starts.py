"""Where the distillation of a thin network starts: from its teacher's channels, or from a narrower network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ParameterError
from .linear_fit import choose_channels, ridge_regression, solve_ridge
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
    student = VGG(widths, DEEPEST).to(images.device)
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


@dataclass(frozen=True)
class FeatureMoments:
    """Mean products of a thin network's features with themselves, (c, c), and of the teacher's with them, (C, c).

    Both are relative to the variance of the teacher's features.
    """

    thin: Tensor
    cross: Tensor

    def head(self) -> Tensor:
        """Return the matrix (C, c) that gives the teacher's features with the least squared error."""
        return solve_ridge(self.thin, self.cross.mT).mT.contiguous()


@torch.no_grad()
def feature_moments(
    student: VGG, teacher: VGG, images: Tensor, scales: Mapping[str, float]
) -> dict[str, FeatureMoments]:
    """Return the moments of pictures (B, 3, H, W) by layer, of the teacher's features over their scales."""
    dtype = next(teacher.parameters()).dtype
    layers = list(scales)
    thin, cross, variance = (dict.fromkeys(layers, torch.zeros((), device=images.device)) for _ in range(3))
    for image in images:
        wide = teacher(image[None].to(dtype), layers)
        for layer, features in student(image[None], layers).items():
            flat, target = features[0].flatten(1).float(), wide[layer][0].flatten(1).float() / scales[layer]
            thin[layer] = thin[layer] + flat @ flat.mT
            cross[layer] = cross[layer] + target @ flat.mT
            variance[layer] = variance[layer] + (target - target.mean(1, keepdim=True)).square().sum()
    return {layer: FeatureMoments(thin[layer] / variance[layer], cross[layer] / variance[layer]) for layer in layers}
