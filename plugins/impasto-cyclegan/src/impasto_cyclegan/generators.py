"""Generators that turn a picture of one domain into one of another, and the checkpoints they are read from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import WeightsError, weights
from impasto.files import local_path
from impasto.networks import FewChannels, binomial_blur, pad2d

Direction = Literal["a-to-b", "b-to-a"]
DIRECTIONS: tuple[Direction, Direction] = ("a-to-b", "b-to-a")
DEEPEST = 8
"""The U-Net has this many times its width at most."""
MOST_LEVELS = 12
"""Of a U-Net, each half as large as the one before; the official have 7 and 8."""
BUFFER = re.compile(r"\.(running_\w+|num_batches_tracked)$")
"""What normalisation keeps in a checkpoint without using it."""


class Reflect(nn.Module):
    """Pad by reflection, or by repeating the border of a picture too small to be reflected."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (B, C, H, W) with `padding` more positions on each side."""
        return pad2d(x, self.padding)


class InstanceNorm(nn.Module):
    """Bring every channel of every picture to mean 0 and deviation 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (B, C, H, W), normalised over positions."""
        # As groups of one channel: several times as fast on channels_last, and a single position is no error.
        return torch.group_norm(x, x.shape[1], None, None, 1e-5)


class ResizeConvolution(nn.Conv2d):
    """Double the sides by interpolation, then convolve: no checkerboard (Odena et al. 2016).

    Bilinear, for a generator that has to fool makes a weave of what repetition leaves.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', 2H, 2W) of `x` (B, C, H, W)."""
        return super().forward(F.interpolate(binomial_blur(x), scale_factor=2.0, mode="bilinear"))


class ResNetBlock(nn.Module):
    """Two convolutions, added to what comes in."""

    def __init__(self, width: int, dropout: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            Reflect(1),
            nn.Conv2d(width, width, 3),
            InstanceNorm(),
            nn.ReLU(),
            *([nn.Dropout(0.5)] if dropout else []),
            Reflect(1),
            nn.Conv2d(width, width, 3),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (B, C, H, W) with the block's change."""
        change: Tensor = self.conv_block(x)
        return x + change


class ResNetGenerator(nn.Module):
    """Paint through two halvings, residual blocks and two doublings (Johnson et al. 2016, Zhu et al. 2017).

    Modules are named as in the official checkpoints.

    Args:
        width: channels at full size; four times as many in the blocks.
        blocks: 6 or 9 in the paper.
        transposed: double by transposed convolutions, or by interpolation before a convolution.
        residual: give the change of the picture instead of the picture, which begins as no change at all.
        dropout: between the convolutions of a block, as some official checkpoints were trained.

    Example:
        >>> import torch
        >>> ResNetGenerator(width=8, blocks=1)(torch.rand(1, 3, 16, 24)).shape
        torch.Size([1, 3, 16, 24])
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        transposed: bool = True,
        residual: bool = False,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Reflect(3), nn.Conv2d(3, width, 7), InstanceNorm(), nn.ReLU()]
        for channels in (width, 2 * width):
            layers += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), InstanceNorm(), nn.ReLU()]
        layers += [ResNetBlock(4 * width, dropout) for _ in range(blocks)]
        for channels in (4 * width, 2 * width):
            up = (
                nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)
                if transposed
                else ResizeConvolution(channels, channels // 2, 3, padding=1)
            )
            layers += [up, InstanceNorm(), nn.ReLU()]
        last = FewChannels(width, 3, 7)
        self.model = nn.Sequential(*layers, Reflect(3), last)
        initialise(self)
        self.skip = nn.Conv2d(3, 3, 1, bias=False) if residual else None
        if self.skip is not None:
            nn.init.eye_(self.skip.weight[..., 0, 0].data)
            nn.init.zeros_(last.weight)

    def forward(self, image: Tensor) -> Tensor:
        """Return the picture painted.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1], sides that are multiples of 4.

        Returns:
            (B, 3, H, W), sRGB in [0, 1], a little beyond where the generator is residual.
        """
        painted: Tensor = self.model(2 * image - 1).float()
        if self.skip is None:
            return from_tanh(painted)
        # A picture has more levels than bfloat16.
        with torch.autocast(image.device.type, enabled=False):
            skipped: Tensor = self.skip(image.float())
        return skipped + painted / 2


class UNetLevel(nn.Module):
    """Halve, go through the levels inside, double, and pass on what came in beside what comes out."""

    def __init__(self, outer: int, inner: int, inside: UNetLevel | None, outermost: bool = False) -> None:
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(3 if outermost else outer, inner, 4, stride=2, padding=1)
        up = nn.ConvTranspose2d(inner if inside is None else 2 * inner, outer, 4, stride=2, padding=1)
        layers: list[nn.Module] = [down] if outermost else [nn.LeakyReLU(0.2), down]
        if inside is not None:
            layers += [inside] if outermost else [InstanceNorm(), inside]
        layers += [nn.ReLU(), up]
        self.model = nn.Sequential(*layers, *([] if outermost else [InstanceNorm()]))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 2C, H, W), or of the outermost level (B, 3, H, W), of `x` (B, C, H, W) of any size."""
        height, width = x.shape[-2:]
        # One more position here instead of a wide frame around the picture, which would sway the statistics.
        even = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        y: Tensor = self.model(even)[..., :height, :width]
        return y if self.outermost else torch.cat([x, y], dim=1)


class UNetGenerator(nn.Module):
    """Paint through an hourglass whose levels pass on what they saw (Ronneberger et al. 2015, Isola et al. 2017).

    Modules are named as in the official checkpoints.  A side may have any length: where a level cannot halve it,
    it is padded by one.

    Args:
        width: channels after the first halving.
        levels: how often it halves; 7 for 128 pixels and 8 for 256 in the paper.

    Example:
        >>> import torch
        >>> UNetGenerator(width=4, levels=4)(torch.rand(1, 3, 21, 30)).shape
        torch.Size([1, 3, 21, 30])
    """

    def __init__(self, width: int = 64, levels: int = 8) -> None:
        super().__init__()
        widths = [min(2**level, DEEPEST) * width for level in range(levels)]
        level = None
        for outer, inner in zip(widths[-2::-1], widths[:0:-1], strict=True):
            level = UNetLevel(outer, inner, level)
        self.model = UNetLevel(3, width, level, outermost=True)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return the picture painted, (B, 3, H, W) sRGB in [0, 1], of one of any size."""
        return from_tanh(self.model(2 * image - 1).float())


def from_tanh(values: Tensor) -> Tensor:
    """Return what networks give, tanh in [-1, 1], as a picture in [0, 1]."""
    return (values.tanh() + 1) / 2


def initialise(network: nn.Module) -> None:
    """Draw weights from N(0, 0.02) and set biases to 0, as the paper does."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


# -------------------------------------------------------------------------------------------------- checkpoints


def load_generators(path: str | os.PathLike[str]) -> dict[str, nn.Module]:
    """Return the generators that a checkpoint holds, by direction; one of a single direction is called "".

    - `latest_net_G.pth`, `latest_net_G_A.pth`, … of the official code: ResNet of any number of blocks, with or without
      dropout, or U-Net of any number of levels, of any width; buffers that instance normalisation had before
      PyTorch 0.4 are left out, and so is the prefix `module.`.
    - `a-to-b.…` and `b-to-a.…`: the pairs that `impasto train cyclegan` gives.

    Args:
        path: a .pth, .pt or .safetensors file, opened safely (see `impasto.weights.load`).

    Raises:
        WeightsError: not a checkpoint, or not of generators; the message says what it is.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/latest_net_G.pth"
        >>> torch.save(ResNetGenerator(width=8, blocks=6).state_dict(), path)
        >>> list(load_generators(path))
        ['']
    """
    file = local_path(path)
    tensors = weights.load(file)
    pair: dict[str, nn.Module] = {}
    for direction in DIRECTIONS:
        prefix = f"{direction}."
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if own:
            pair[direction] = _generator(file, own, prefix)
    return pair or {"": _generator(file, tensors, "")}


def _generator(file: Path, stored: Mapping[str, Tensor], prefix: str) -> nn.Module:
    tensors = {key: value for key, value in stored.items() if not BUFFER.search(key)}
    with weights.empty_init():
        generator = _plan(file, tensors)
    state = weights.check_state_dict(tensors, generator.state_dict(), partial(_refusal, file), prefix)
    generator.load_state_dict(state, assign=True)
    return generator


def _plan(file: Path, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return a generator, without values, of the plan that the names and shapes of a checkpoint show."""
    kernels = {key: value for key, value in tensors.items() if key.endswith(".weight") and value.ndim == 4}
    blocks = {int(match[1]) for key in tensors if (match := re.match(r"model\.(\d+)\.conv_block\.", key))}
    first = next((kernels[key] for key in ("model.1.weight", "model.model.0.weight") if key in kernels), None)
    if first is None or not (blocks or "model.model.0.weight" in kernels):
        raise _refusal(file, _description(tensors))
    norms = [key for key, value in tensors.items() if key.endswith(".weight") and value.ndim == 1]
    if norms:
        raise _refusal(file, f"normalises by batch ({norms[0]}), as pix2pix does; CycleGAN's normalise by instance")
    if first.shape[1] != 3:
        raise _refusal(file, f"takes pictures of {first.shape[1]} channels, not of 3")
    width = len(first)
    if not blocks:
        levels = len(kernels) // 2
        if not 2 <= levels <= MOST_LEVELS:
            raise _refusal(file, f"is a U-Net of {levels} levels, expected 2 to {MOST_LEVELS}")
        return UNetGenerator(width, levels)
    up = kernels.get(f"model.{10 + len(blocks)}.weight")
    # A transposed convolution's first axis is what comes in, which there are more channels of.
    transposed = up is None or up.shape[0] > up.shape[1]
    return ResNetGenerator(
        width,
        len(blocks),
        transposed,
        residual="skip.weight" in tensors,
        dropout=any(".conv_block.6." in key for key in tensors),
    )


def _description(tensors: Mapping[str, Tensor]) -> str:
    """Return in words what a network is, of those that people have, that is not a generator."""
    kernel = tensors.get("model.0.weight")
    if kernel is not None and kernel.ndim == 4 and kernel.shape[-2:] == (4, 4):
        return "is a discriminator (latest_net_D.pth), which tells pictures apart and paints none"
    if "conv1.conv2d.weight" in tensors:
        return "is a fast network for one style (Johnson et al. 2016), which the stage fast of impasto-fast takes"
    if any(re.fullmatch(r"(features\.\d+|conv\d_\d)\.weight", key) for key in tensors):
        return "looks like VGG, an encoder"
    return f"is laid out as something else: {', '.join(list(tensors)[:4])} …"


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        "  what would work: a generator of CycleGAN (latest_net_G.pth, latest_net_G_A.pth), ResNet or U-Net,\n"
        "  or a pair trained with Impasto (impasto train cyclegan --a … --b …)"
    )


def cached_generators(
    path: str | os.PathLike[str], device: torch.device | str | None = None
) -> Mapping[str, nn.Module]:
    """Return the generators of a file, ready to use; the same ones whenever asked again.

    Args:
        path: see `load_generators`.
        device: where they compute; None is the CPU.
    """
    return weights.cached(load_generators, path, device)
