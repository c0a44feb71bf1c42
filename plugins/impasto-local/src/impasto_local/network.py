"""The network that paints any style inside a mask, and the files it is read from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto import WeightsError, weights
from impasto.files import local_path
from impasto.functional.statistics import covariance_moments, mean_std
from impasto.networks import FewChannels, binomial_blur, pad2d

WIDTHS = (16, 32, 48)
"""Channels at full size, at half and at a quarter of it."""
BLOCKS = 5
EMBEDDING = 64
"""Numbers that the network keeps of a style."""
MOMENT_LAYERS = {"relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128}
"""Layers of slim19 whose moments describe a style, and their channels."""
MOMENTS = 2 * sum(MOMENT_LAYERS.values()) + 12
"""Numbers that describe a style: means and deviations of those channels, means and covariances of the colours."""
OUTSIDE = 0.03
"""How much a position outside the mask counts in normalisation; one inside counts 1."""


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


def style_moments(image: Tensor, features: Mapping[str, Tensor], area: Tensor | None = None) -> Tensor:
    """Return what the network is told of a style, (B, `MOMENTS`).

    Args:
        image: (B, 3, H, W), the style, sRGB in [0, 1].
        features: of slim19, at least at `MOMENT_LAYERS`.
        area: (1 or B, 1, H, W), how much each pixel counts; None: all alike.

    Example:
        >>> import impasto, torch
        >>> style = torch.rand(1, 3, 64, 64)
        >>> style_moments(style, impasto.encoder("slim19").features(style, list(MOMENT_LAYERS))).shape
        torch.Size([1, 492])
    """
    found = []
    for layer in MOMENT_LAYERS:
        here = None if area is None else resize_mask(area, features[layer])
        found += [moment.flatten(1) for moment in mean_std(features[layer], here)]
    colours = covariance_moments(image, area)
    return torch.cat([*found, colours.mean.flatten(1), colours.spread.flatten(1)], dim=1)


class StyleEmbedding(nn.Module):
    """A style's moments as the few numbers that the network goes by.

    Moments are brought to about the same size by those of the paintings it was trained on: the first layers' are a
    hundredth of the deeper ones'.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(MOMENTS, size)
        self.register_buffer("centre", torch.zeros(MOMENTS, dtype=torch.float32))
        self.register_buffer("spread", torch.ones(MOMENTS, dtype=torch.float32))

    def forward(self, moments: Tensor) -> Tensor:
        """Return (B, E) of moments (B, `MOMENTS`), between -1 and 1 for paintings of any kind."""
        # Bounded: a style unlike all that it has seen is then taken for the nearest of its kind.
        found: Tensor = self.linear(((moments - self.centre) / self.spread).clamp(-4, 4)).tanh()
        return found


class StyleNorm(nn.Module):
    """Instance normalisation by the mean and deviation inside a mask, with a scale and shift that the style gives.

    By those of the whole picture a mask that selects everything could not be told from one that selects nothing.  What
    lies outside counts a little, so that beside a flat region it does not become boundless.

    Args:
        styles: numbers of a style's embedding.
        channels: of what is normalised.
    """

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Linear(styles, 2 * channels)
        nn.init.zeros_(self.table.weight)
        nn.init.ones_(self.table.bias.data[:channels])
        nn.init.zeros_(self.table.bias.data[channels:])

    def forward(self, x: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """Return `x` (B, C, h, w), normalised, with the scale and shift that an embedding (1 or B, E) gives."""
        mean, std = mean_std(x, resize_mask(mask, x) + OUTSIDE)
        scale, shift = self.table(style).float()[..., None, None].chunk(2, dim=1)
        normalised: Tensor = (x.float() - mean) * (scale / std) + shift
        return normalised


class Layer(nn.Module):
    """A convolution, a normalisation, a ReLU."""

    def __init__(self, styles: int, channels: int, out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = Convolution(channels, out, kernel, stride)
        self.norm = StyleNorm(styles, out)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """Return (B, C', h, w) of `x` (B, C, H, W)."""
        return F.relu(self.norm(self.conv(x), mask, style))


class Fusion(nn.Module):
    """Mix features with the style, the mask at their size and noise, position by position: a 1×1 convolution."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels + 2, channels, 1)
        # Of what is the same at every position a 1×1 convolution makes a shift.
        self.style = nn.Linear(styles, channels, bias=False)
        nn.init.zeros_(self.style.weight)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Return features like `x` (B, C, h, w).

        Args:
            x: features of the picture.
            mask: (B, 1, H, W), of any size.
            style: (1 or B, E), the embedding.
            noise: (B, 1, h, w).
        """
        mixed = self.conv(torch.cat([x, resize_mask(mask, x).to(x), noise.to(x)], dim=1))
        return F.relu(mixed + self.style(style)[..., None, None])


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


class Block(nn.Module):
    """Two convolutions, added to what comes in."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first = Layer(styles, channels, channels)
        self.conv = Convolution(channels, channels, 3)
        self.norm = StyleNorm(styles, channels)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """Return `x` (B, C, h, w) with the block's change."""
        change: Tensor = self.norm(self.conv(self.first(x, mask, style)), mask, style)
        return x + change


class LocalNetwork(nn.Module):
    """Paint a picture inside a mask in the style that it is told of (after Sun and Liu 2020).

    Two strided convolutions halve, each followed by a 1×1 convolution that mixes in the style, the mask, and noise that
    strokes can be made of where the picture is flat; residual blocks; two doublings by interpolation and convolution.
    The style gives the scale and shift of every normalisation as well.  What comes out is laid over the picture:
    pigment, and how much of the picture it covers.  An untrained network lays on nothing.

    Args:
        widths: channels at full size, at half and at a quarter.
        blocks: residual blocks.
        embedding: numbers that are kept of a style.

    Example:
        >>> import torch
        >>> image, mask = torch.rand(1, 3, 24, 32), torch.ones(1, 1, 24, 32)
        >>> network = LocalNetwork(blocks=1)
        >>> bool((network(image, mask, network.embed(torch.rand(1, MOMENTS))) == image).all())
        True
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, blocks: int = BLOCKS, embedding: int = EMBEDDING) -> None:
        super().__init__()
        full, half, quarter = widths
        self.embed = StyleEmbedding(embedding)
        self.enter = Layer(embedding, 4, full, 7)
        self.halvings = nn.ModuleList(
            [Layer(embedding, full, half, stride=2), Layer(embedding, half, quarter, stride=2)]
        )
        self.fusions = nn.ModuleList([Fusion(embedding, half), Fusion(embedding, quarter)])
        self.blocks = nn.ModuleList([Block(embedding, quarter) for _ in range(blocks)])
        self.doublings = nn.ModuleList([Layer(embedding, quarter, half), Layer(embedding, half, full)])
        self.leave = FewChannels(full, 4, 7)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor, mask: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the picture painted inside the mask.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1], sides that are multiples of 4.
            mask: (1 or B, 1, H, W) in [0, 1].
            style: (1 or B, E), what `embed` makes of the moments of a style; those of several may be mixed.
            noise: see `noise_map`; None is always the same.

        Returns:
            (B, 3, H, W), sRGB, a little beyond [0, 1] in places.
        """
        mask = mask.expand(len(image), -1, -1, -1)
        noise = noise_map(image) if noise is None else noise
        x = self.enter(torch.cat([2 * image - 1, 2 * mask - 1], dim=1), mask, style)
        for halve, fuse in zip(self.halvings, self.fusions, strict=True):
            x = fuse(halve(x, mask, style), mask, style, noise)
            noise = noise[..., ::2, ::2]
        for block in self.blocks:
            x = block(x, mask, style)
        for double in self.doublings:
            # Transposed convolutions leave a checkerboard (Odena et al. 2016), repetition a weave.
            x = double(F.interpolate(binomial_blur(x), scale_factor=2.0, mode="bilinear"), mask, style)
        pigment, cover = self.leave(pad2d(x, 3, "replicate")).float().split((3, 1), dim=1)
        painted: Tensor = image * (1 - cover) + pigment
        return painted


WIDTH_KEYS = ("enter.conv.bias", "halvings.0.conv.bias", "halvings.1.conv.bias", "embed.linear.bias")


def load_network(path: str | os.PathLike[str]) -> LocalNetwork:
    """Return the network that `impasto train local` wrote.

    Args:
        path: a .safetensors, .pth or .pt file, opened safely (see `impasto.weights.load`).

    Raises:
        WeightsError: not such a network; the message says what is wrong.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/network.pth"
        >>> torch.save(LocalNetwork((4, 8, 12), blocks=1).state_dict(), path)
        >>> load_network(path).enter.conv.out_channels
        4
    """
    file = local_path(path)
    stored = weights.load(file)
    sizes = [len(stored[key]) for key in WIDTH_KEYS if key in stored]
    if any(key.startswith("styles.") for key in stored):
        raise _refusal(file, "is a network of the former kind, which knew a few styles by name; train it anew")
    if len(sizes) != len(WIDTH_KEYS):
        raise _refusal(file, f"is laid out as something else: {', '.join(list(stored)[:4])} …")
    *widths, embedding = sizes
    with weights.empty_init():
        blocks = len({key.split(".")[1] for key in stored if key.startswith("blocks.")})
        network = LocalNetwork(widths, blocks, embedding)
    state = weights.check_state_dict(stored, network.state_dict(), partial(_refusal, file))
    network.load_state_dict(state, assign=True)
    return network


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        "  what would work: a network trained with impasto train local --images PHOTOGRAPHS --styles PAINTINGS"
    )


def cached_network(path: str | os.PathLike[str], device: torch.device | str | None = None) -> LocalNetwork:
    """Return the network of a file, ready to use; the same one whenever asked again.

    Args:
        path: see `load_network`.
        device: where it computes; None is the CPU.
    """
    return weights.cached(load_network, path, device)
