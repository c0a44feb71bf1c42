"""The network that paints inside a mask, and the files it is read from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import WeightsError, weights
from impasto.files import local_path
from impasto.functional.statistics import mean_std
from impasto.networks import FewChannels, pad2d

WIDTHS = (16, 32, 40)
"""Channels at full size, at half and at a quarter of it."""
BLOCKS = 5
OUTSIDE = 0.03
"""How much a position outside the mask counts in normalisation; one inside counts 1."""
STYLES = "styles."
"""Before the names of styles, in a file."""


class Convolution(nn.Conv2d):
    """Convolve, with the border repeated."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, out, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C', h, w) of `x` (B, C, H, W); a stride of 2 halves the sides."""
        around = self.kernel_size[0] // 2
        return super().forward(pad2d(x, around, "replicate") if around else x)


def resize_mask(mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask (B, 1, H, W) at the size of features (B, C, h, w): the mean over what a position stands for."""
    return F.adaptive_avg_pool2d(mask, (like.shape[-2], like.shape[-1]))


class ConditionalInstanceNorm(nn.Module):
    """Conditional instance normalisation (Dumoulin et al. 2017) by the mean and deviation inside a mask.

    By those of the whole picture a mask that selects everything could not be told from one that selects nothing.  What
    lies outside counts a little, so that beside a flat region it does not become boundless.

    Args:
        styles: how many.
        channels: of what is normalised.
    """

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Linear(styles, 2 * channels)
        nn.init.zeros_(self.table.weight)
        nn.init.ones_(self.table.bias.data[:channels])
        nn.init.zeros_(self.table.bias.data[channels:])

    def forward(self, x: Tensor, mask: Tensor, shares: Tensor) -> Tensor:
        """Return `x` (B, C, h, w), normalised, with the scales and shifts of styles that count `shares` (B, S)."""
        mean, std = mean_std(x, resize_mask(mask, x) + OUTSIDE)
        scale, shift = self.table(shares).float()[..., None, None].chunk(2, dim=1)
        normalised: Tensor = (x.float() - mean) * (scale / std) + shift
        return normalised

    def vectors(self) -> Tensor:
        """Return each style's scales and shifts, (S, 2C)."""
        return self.table.weight.mT + self.table.bias


class Layer(nn.Module):
    """A convolution, a normalisation, a ReLU."""

    def __init__(self, styles: int, channels: int, out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = Convolution(channels, out, kernel, stride)
        self.norm = ConditionalInstanceNorm(styles, out)

    def forward(self, x: Tensor, mask: Tensor, shares: Tensor) -> Tensor:
        """Return (B, C', h, w) of `x` (B, C, H, W)."""
        return F.relu(self.norm(self.conv(x), mask, shares))


class Fusion(nn.Module):
    """Mix features with the mask at their size and with noise, position by position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels + 2, channels, 1)

    def forward(self, x: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """Return features like `x` (B, C, h, w), of that, a mask (B, 1, H, W) of any size, and noise (B, 1, h, w)."""
        return F.relu(self.conv(torch.cat([x, resize_mask(mask, x).to(x), noise.to(x)], dim=1)))


def noise_map(image: Tensor, rng: torch.Generator | None = None) -> Tensor:
    """Return white noise (B, 1, H / 2, W / 2) for pictures (B, 3, H, W) whose sides are even.

    Args:
        image: what the noise is for.
        rng: on the CPU, what draws for each picture by itself; None gives all of them, and every frame of a clip, the
            same noise.
    """
    count = 1 if rng is None else len(image)
    rng = torch.Generator().manual_seed(0) if rng is None else rng
    # Drawn on the CPU: every device has numbers of its own.
    noise = torch.randn(
        count, 1, image.shape[-2] // 2, image.shape[-1] // 2, generator=rng, dtype=torch.float32, device="cpu"
    )
    return noise.to(image).expand(len(image), -1, -1, -1)


def binomial_blur(x: Tensor) -> Tensor:
    """Return `x` (B, C, h, w) filtered by 1, 2, 1 along both axes.

    The shortest filter that takes away what alternates from position to position, of which networks make weaves, and
    nothing of what is even.
    """
    return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, 1), 2, 1)


class Block(nn.Module):
    """Two convolutions, added to what comes in."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first = Layer(styles, channels, channels)
        self.conv = Convolution(channels, channels, 3)
        self.norm = ConditionalInstanceNorm(styles, channels)

    def forward(self, x: Tensor, mask: Tensor, shares: Tensor) -> Tensor:
        """Return `x` (B, C, h, w) with the block's change."""
        change: Tensor = self.norm(self.conv(self.first(x, mask, shares)), mask, shares)
        return x + change


class LocalNetwork(nn.Module):
    """Paint a picture inside a mask, in one of several styles (after Sun and Liu 2020).

    Two strided convolutions halve, each followed by a 1×1 convolution that mixes in the mask, and noise that strokes
    can be made of where the picture is flat; residual blocks; two doublings by interpolation and convolution.  What
    comes out is laid over the picture: pigment, and how much of the picture it covers.  An untrained network lays on
    nothing.

    Args:
        names: of the styles.
        widths: channels at full size, at half and at a quarter.
        blocks: residual blocks.

    Example:
        >>> import torch
        >>> image, mask = torch.rand(1, 3, 24, 32), torch.ones(1, 1, 24, 32)
        >>> network = LocalNetwork(["mosaic"], blocks=1)
        >>> bool((network(image, mask, torch.ones(1, 1)) == image).all())
        True
    """

    def __init__(self, names: Sequence[str], widths: Sequence[int] = WIDTHS, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.names = tuple(names)
        styles = len(self.names)
        full, half, quarter = widths
        self.enter = Layer(styles, 4, full, 7)
        self.halvings = nn.ModuleList([Layer(styles, full, half, stride=2), Layer(styles, half, quarter, stride=2)])
        self.fusions = nn.ModuleList([Fusion(half), Fusion(quarter)])
        self.blocks = nn.ModuleList([Block(styles, quarter) for _ in range(blocks)])
        self.doublings = nn.ModuleList([Layer(styles, quarter, half), Layer(styles, half, full)])
        self.leave = FewChannels(full, 4, 7)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor, mask: Tensor, shares: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the picture painted inside the mask.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1], sides that are multiples of 4.
            mask: (1 or B, 1, H, W) in [0, 1].
            shares: (1 or B, S), how much of each style; 1 for one of them is that style.
            noise: see `noise_map`; None is always the same.

        Returns:
            (B, 3, H, W), sRGB, a little beyond [0, 1] in places.
        """
        mask = mask.expand(len(image), -1, -1, -1)
        noise = noise_map(image) if noise is None else noise
        x = self.enter(torch.cat([2 * image - 1, 2 * mask - 1], dim=1), mask, shares)
        for halve, fuse in zip(self.halvings, self.fusions, strict=True):
            x = fuse(halve(x, mask, shares), mask, noise)
            noise = noise[..., ::2, ::2]
        for block in self.blocks:
            x = block(x, mask, shares)
        for double in self.doublings:
            # Transposed convolutions leave a checkerboard (Odena et al. 2016), repetition a weave.
            x = double(F.interpolate(binomial_blur(x), scale_factor=2.0, mode="bilinear"), mask, shares)
        pigment, cover = self.leave(pad2d(x, 3, "replicate")).float().split((3, 1), dim=1)
        painted: Tensor = image * (1 - cover) + pigment
        return painted

    def norms(self) -> list[ConditionalInstanceNorm]:
        """Return the layers with scales and shifts of each style, in order."""
        return [layer for layer in self.modules() if isinstance(layer, ConditionalInstanceNorm)]

    def shared(self) -> dict[str, Tensor]:
        """Return what no style has to itself: the convolutions."""
        return {key: value for key, value in self.state_dict().items() if ".norm." not in key}

    def tensors(self) -> dict[str, Tensor]:
        """Return what a file holds: the convolutions, and one vector for each style."""
        vectors = torch.cat([norm.vectors() for norm in self.norms()], dim=1)
        return self.shared() | {STYLES + name: vector for name, vector in zip(self.names, vectors, strict=True)}


WIDTH_KEYS = ("enter.conv.bias", "halvings.0.conv.bias", "halvings.1.conv.bias")


def load_network(path: str | os.PathLike[str]) -> LocalNetwork:
    """Return the network that `impasto train local` wrote.

    Args:
        path: a .safetensors, .pth or .pt file, opened safely (see `impasto.weights.load`).

    Raises:
        WeightsError: not such a network; the message says what is wrong.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/network.pth"
        >>> torch.save(LocalNetwork(["mosaic", "wave"], blocks=1).tensors(), path)
        >>> load_network(path).names
        ('mosaic', 'wave')
    """
    file = local_path(path)
    stored = weights.load(file)
    names = [key.removeprefix(STYLES) for key in stored if key.startswith(STYLES)]
    widths = [len(stored[key]) for key in WIDTH_KEYS if key in stored]
    if not names or len(widths) != len(WIDTH_KEYS):
        raise _refusal(file, f"is laid out as something else: {', '.join(list(stored)[:4])} …")
    with weights.empty_init():
        network = LocalNetwork(names, widths, len({key.split(".")[1] for key in stored if key.startswith("blocks.")}))
    sizes = [norm.table.out_features for norm in network.norms()]
    vector = torch.empty(sum(sizes), device="meta", dtype=torch.float32)
    expected = network.shared() | {STYLES + name: vector for name in names}
    tensors = weights.check_state_dict(stored, expected, partial(_refusal, file))
    state = {key: value for key, value in tensors.items() if not key.startswith(STYLES)}
    vectors = torch.stack([tensors[STYLES + name] for name in names])
    places = [key.removesuffix(".weight") for key in network.state_dict() if key.endswith(".norm.table.weight")]
    for place, part in zip(places, torch.split(vectors, sizes, dim=1), strict=True):
        state |= {f"{place}.weight": part.mT.contiguous(), f"{place}.bias": torch.zeros_like(part[0])}
    network.load_state_dict(state, assign=True)
    return network


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n  what would work: a network trained with impasto train local --images … --styles …"
    )


def cached_network(path: str | os.PathLike[str], device: torch.device | str | None = None) -> LocalNetwork:
    """Return the network of a file, ready to use; the same one whenever asked again.

    Args:
        path: see `load_network`.
        device: where it computes; None is the CPU.
    """
    return weights.cached(load_network, path, device)
