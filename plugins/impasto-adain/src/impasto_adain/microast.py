"""MicroAST: two small encoders of its own instead of VGG, features and filters modulated by the style."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

import impasto
from impasto import Style, WeightsError, weights
from impasto.files import local_path
from impasto.stage import covered_regions, resized_styles

PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")


class Signals(NamedTuple):
    """What modulates one of the decoder's blocks, each (1 or B, C, 1, 1)."""

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each channel, (B, C, 1, 1), as the authors regularise it."""
    variance, mean = torch.var_mean(features.float(), (2, 3), keepdim=True)
    return mean, (variance + 1e-5).sqrt()


def conv2d(inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution that mirrors what lies beyond the border."""
    return nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, padding_mode="reflect")


class Residual(nn.Module):
    """Two 3×3 convolutions added to what they are given, modulated by a style's weight and bias, or plain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv2d(channels, channels, 3), conv2d(channels, channels, 3)

    def forward(self, x: Tensor, style: Signals | None = None) -> Tensor:
        """Return features (B, C, h, w); those of each convolution are weighted, and the bias scales what it took."""
        weight, bias = (1.0, 0.0) if style is None else (style.weight, style.bias)
        inside = (weight * self.conv1(x) + bias * x).relu()
        result: Tensor = x + weight * self.conv2(inside) + bias * inside
        return result


class MicroEncoder(nn.Module):
    """Features of a picture at a quarter of its size, after one residual block and after two."""

    def __init__(self, width: int) -> None:
        super().__init__()
        small, middle = width // 4, width // 2
        self.enc1 = nn.Sequential(
            *(conv2d(3, small, 9), nn.ReLU()),
            *(conv2d(small, middle, 3, stride=2, groups=small), nn.ReLU(), conv2d(middle, middle, 1), nn.ReLU()),
            *(conv2d(middle, width, 3, stride=2, groups=middle), nn.ReLU(), conv2d(width, width, 1), nn.ReLU()),
            Residual(width),
        )
        self.enc2 = nn.Sequential(Residual(width))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return both features, (B, C, H/4, W/4), of pictures (B, 3, H, W)."""
        first = self.enc1(image)
        return first, self.enc2(first)


class Modulator(nn.Module):
    """What a style's features make of the filters of the decoder."""

    def __init__(self, width: int) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            self.add_module(name, nn.Sequential(conv2d(width, width, 3, groups=width), nn.AdaptiveAvgPool2d(1)))

    def forward(self, features: tuple[Tensor, Tensor]) -> tuple[Signals, Signals]:
        """Return the signals of the two blocks, those of the first features and of the second."""
        first, second = (
            Signals(
                *moments(x),
                self.get_submodule(f"weight{place}")(x).float(),
                self.get_submodule(f"bias{place}")(x).float(),
            )
            for place, x in enumerate(features, 1)
        )
        return first, second


class MicroDecoder(nn.Module):
    """Two modulated blocks, the deeper first, then up to full size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dec1, self.dec2 = Residual(width), Residual(width)
        small, middle = width // 4, width // 2
        self.dec3 = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(conv2d(width, middle, 3, groups=middle), nn.ReLU(), conv2d(middle, middle, 1), nn.ReLU()),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(conv2d(middle, small, 3, groups=small), nn.ReLU(), conv2d(small, small, 1), nn.ReLU()),
            conv2d(small, 3, 9),
        )

    def forward(self, features: Tensor, styles: tuple[Signals, Signals], alpha: float) -> Tensor:
        """Return pictures (B, 3, H, W) of the content's deeper features."""
        for block, style in ((self.dec1, styles[1]), (self.dec2, styles[0])):
            mean, deviation = moments(features)
            given = (features - mean) / deviation * style.deviation + style.mean
            features = block(features.lerp(given.to(features), alpha), style)
        painted: Tensor = self.dec3(features)
        return painted


class MicroNetwork(nn.Module):
    """The four networks of MicroAST (Wang et al. 2023), in the layout of their authors.

    Args:
        width: channels at a quarter of the size, 64 as published.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = MicroEncoder(width), MicroEncoder(width)
        self.modulator, self.decoder = Modulator(width), MicroDecoder(width)

    def signals(self, style: Tensor) -> tuple[Signals, Signals]:
        """Return what a style picture (B, 3, H, W) tells the decoder's two blocks."""
        both: tuple[Signals, Signals] = self.modulator(self.style_encoder(style))
        return both

    def forward(self, content: Tensor, styles: tuple[Signals, Signals], alpha: float = 1.0) -> Tensor:
        """Return painted pictures (B, 3, H, W); sides are multiples of 4."""
        painted: Tensor = self.decoder(self.content_encoder(content)[1], styles, alpha)
        return painted


def mixed(styles: Sequence[tuple[Signals, Signals]], shares: Sequence[float]) -> tuple[Signals, Signals]:
    """Return the weighted mean of styles' signals."""
    first, second = (
        Signals(*(sum(share * x for share, x in zip(shares, xs, strict=True)) for xs in zip(*both, strict=True)))
        for both in zip(*styles, strict=True)
    )
    return first, second


def load_microast(path: str | os.PathLike[str]) -> MicroNetwork:
    """Return the networks that a checkpoint, or a folder of the authors' four checkpoints, holds.

    Args:
        path: a file with `content_encoder.…`, `style_encoder.…`, `modulator.…` and `decoder.…`; or a folder with
            `content_encoder_iter_160000.pth.tar` and the three others.

    Raises:
        WeightsError: not such a checkpoint; the message says what it is.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/microast.pth"
        >>> torch.save(MicroNetwork(8).state_dict(), path)
        >>> load_microast(path).decoder.dec1.conv1.out_channels
        8
    """
    source = local_path(path)
    stored = _folder(source) if source.is_dir() else weights.load(source)
    tensors = {key.replace(".conv_layer.", "."): value for key, value in stored.items()}
    first = tensors.get("content_encoder.enc1.0.weight")
    if first is None or first.ndim != 4:
        raise _refusal(source, f"is laid out as something else: {', '.join(list(tensors)[:4])} …")
    with weights.empty_init():
        network = MicroNetwork(4 * len(first))
    state = weights.check_state_dict(tensors, network.state_dict(), partial(_refusal, source))
    network.load_state_dict(state, assign=True)
    return network


def _folder(folder: Path) -> Mapping[str, Tensor]:
    """Return the tensors of the four files of a folder, each under its part's name."""
    tensors: dict[str, Tensor] = {}
    for part in PARTS:
        files = [file for file in weights.regular_files(folder) if file.name.startswith(part)]
        if len(files) != 1:
            names = ", ".join(file.name for file in weights.regular_files(folder))[:200] or "nothing"
            raise _refusal(folder, f"has {len(files)} files whose names begin with {part}: {names}")
        tensors |= {f"{part}.{key}": value for key, value in weights.load(files[0]).items()}
    return tensors


def _refusal(source: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{source}: {what}\n"
        "  what would work: the networks of MicroAST, one file with content_encoder, style_encoder, modulator and\n"
        "  decoder; or a folder with content_encoder_iter_160000.pth.tar and the three others, as they are published"
    )


class MicroAST(impasto.Stylizer, name="microast"):
    """Paint any style by the networks of MicroAST, which need no VGG (Wang et al. 2023)."""

    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    smallest: ClassVar[int] = 8

    network: str = impasto.param(
        reads=True, folders=True, help="the file of its networks, or the folder of the four that its authors publish"
    )
    alpha: float = impasto.param(default=1.0, low=0, high=1, help="how far towards the style")
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture that the network paints."""
        network = weights.cached(load_microast, self.network, content.device)
        resized = resized_styles(styles, content, self.style_scale, self.multiple, self.reflection_padding)
        (everywhere,) = covered_regions(None, resized)
        signals = mixed([network.signals(style.image) for style in resized], everywhere.shares)
        painted: Tensor = network(content, signals, self.alpha)
        return painted
