"""Decoders: VGG's plan mirrored, which paint a picture from the features of one layer.

`load_decoders("decoder.pth")` reads the checkpoints people have.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import weights
from ..errors import WeightsError
from ..validation import shape
from .convolutions import FewChannels, doubled, framed, padded, quartered, rectified, spread, upsampled
from .encoders import Encoder
from .vgg import CONVOLUTIONS, WIDTHS

SUFFIXES = {".pth", ".pt", ".safetensors"}


class Decoder(nn.Module):
    """Paint pictures from the features of one layer, through an encoder's convolutions in reverse.

    Where the encoder pools, the features are doubled in size by repeating them, and every convolution pads by
    reflection: transposed convolutions would leave a checkerboard, and zeros a dark frame.

    Args:
        widths: channels of the five blocks, or of as many as the layer needs; the last are of what it takes.
        layer: `relu1_1` to `relu5_1`, whose features it takes.
        skips: shallower layers, such as `relu3_1`, whose features it takes as well, where it comes to their size;
            and how many channels those have.

    Example:
        >>> import torch
        >>> Decoder((4, 8), "relu2_1")(torch.rand(1, 8, 16, 24)).shape
        torch.Size([1, 3, 32, 48])
    """

    def __init__(
        self, widths: Sequence[int] = WIDTHS, layer: str = "relu4_1", skips: Mapping[str, int] | None = None
    ) -> None:
        super().__init__()
        self.widths, self.layer = tuple(widths[: int(layer[4])]), layer
        self.channels: Mapping[str, int] = {layer: self.widths[-1], **(skips or {})}
        """Of the layers that it takes features of, its own first."""
        self.layers = tuple(self.channels)
        self.convolutions = mirrored(layer)
        for name, before in zip(self.convolutions, (*self.convolutions[1:], None), strict=True):
            width = self.widths[int(name[0]) - 1]
            convolution = (
                FewChannels(width, 3, 3) if before is None else nn.Conv2d(width, self.widths[int(before[0]) - 1], 3)
            )
            # torch's own start shrinks what passes at every layer.
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.add_module(f"conv{name}", convolution)

        for skip, width in (skips or {}).items():
            convolution = nn.Conv2d(width, self.widths[int(skip[4]) - 1], 1, bias=False)
            nn.init.zeros_(convolution.weight)  # begins as the decoder without it
            self.add_module(skip.replace("relu", "skip"), convolution)

    @classmethod
    def mirroring(cls, encoder: Encoder, layer: str, skips: Sequence[str] = (), widths: Sequence[int] = ()) -> Decoder:
        """Return an untrained decoder for a layer of an encoder; of its widths, or of others before that layer."""
        blocks = range(1, int(layer[4]) + 1)
        own = [encoder.channels[f"relu{block}_1"] for block in blocks]
        return cls([*(widths or own[:-1]), own[-1]], layer, {skip: encoder.channels[skip] for skip in skips})

    def forward(self, features: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Return pictures (B, 3, H, W), sRGB about [0, 1].

        Args:
            features: (B, C, h, w), of its layer; or of all its layers by name.
        """
        found = {self.layer: features} if isinstance(features, Tensor) else features
        x, enlarge = padded(found[self.layer], 1), False
        for name, after in pairwise(self.convolutions):
            convolution = self._convolution(name)
            if enlarge:
                x = doubled(convolution, x, rectify=True)
                if after == "1_1":
                    return quartered(self._convolution(after), x)
                x = spread(x)
            else:
                frame = partial(framed, repeat=name.endswith("_1"))
                x = rectified(x, convolution.weight, convolution.bias, padding=1, frame=frame)
            enlarge, beside = name.endswith("_1"), f"{int(name[0]) - 1}_1"
            if enlarge and f"relu{beside}" in self.layers:
                x = upsampled(x[..., 1:-1, 1:-1])
                x = x + self.get_submodule(f"skip{beside}")(found[f"relu{beside}"])
                x, enlarge = padded(x, 1), False
        painted: Tensor = self._convolution("1_1")(x)
        return painted

    def _convolution(self, name: str) -> nn.Conv2d:
        found = self.get_submodule(f"conv{name}")
        assert isinstance(found, nn.Conv2d)
        return found


def mirrored(layer: str) -> tuple[str, ...]:
    """Return the convolutions of a decoder, first to last, by the names of those they undo."""
    return CONVOLUTIONS[: CONVOLUTIONS.index(layer.removeprefix("relu")) + 1][::-1]


def positions(layer: str) -> tuple[int, ...]:
    """Return where the public Sequentials of pad, convolution, ReLU and upsampling hold the convolutions.

    Example:
        >>> positions("relu2_1")
        (1, 5, 8)
    """
    found, at = [], 1
    for name in mirrored(layer):
        found.append(at)
        at += 4 if name.endswith("_1") else 3
    return tuple(found)


PLANS = {f"relu{level}_1": positions(f"relu{level}_1") for level in range(1, 6)}


def load_decoders(path: str | os.PathLike[str]) -> dict[str, Decoder]:
    """Return the decoders that a checkpoint, or a folder of checkpoints, holds, by layer, whatever their layout.

    - A flat Sequential of pad, convolution, ReLU and upsampling: `decoder.pth` of AdaIN, `decoder_relu4_1.pth`
      and `feature_invertor_conv4_1.pth` of WCT; which layer it is for is told by its length.
    - `convB_C`: one decoder, its convolutions named after those they undo; `skipB_1` (C, C', 1, 1) are the 1x1
      convolutions of what it takes beside.
    - `reluB_1.convB_C` or `dB.convB_C`: several such, as Impasto trains them and as in the compressed networks of
      Wang et al. (2020).

    Args:
        path: a .pth, .pt or .safetensors file, opened safely (see `impasto.weights.load`); or a folder, in which
            and below which files that hold no decoders are passed over.

    Returns:
        Decoders by layer, float32 on the CPU, shallow to deep.

    Raises:
        WeightsError: not a checkpoint, or not decoders in one of these layouts; the message says what it is.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/decoder.pth"
        >>> torch.save(Decoder((4, 8, 16), "relu3_1").state_dict(), path)
        >>> list(load_decoders(path))
        ['relu3_1']
    """
    given = Path(path).expanduser()
    if not given.is_dir():
        return dict(sorted(_read(given).items()))
    files = sorted(file for file in given.rglob("*") if file.suffix in SUFFIXES)
    found: dict[str, Decoder] = {}
    owners: dict[str, Path] = {}
    for file in files:
        tensors = weights.load(file)
        if not _paints(tensors):
            continue
        for layer, decoder in _grouped(file, tensors).items():
            if layer in found:
                raise WeightsError(
                    f"{given}: {owners[layer].name} and {file.name} both hold a decoder for {layer}\n"
                    "  what would work: a folder with one of them, or the path of the file"
                )
            found[layer], owners[layer] = decoder, file
    if not found:
        names = ", ".join(file.name for file in files[:5]) or "no .pth, .pt or .safetensors files"
        raise WeightsError(f"{given}: holds no decoders\n  it has: {names}")
    return dict(sorted(found.items()))


def _read(file: Path) -> dict[str, Decoder]:
    tensors = weights.load(file)
    if not _paints(tensors):
        encodes = any(value.ndim == 4 and value.shape[1] == 3 for value in tensors.values())
        if encodes:
            raise _refusal(file, "looks like an encoder: its first convolution takes a picture")
        raise _refusal(file, f"is laid out as something else: {', '.join(list(tensors)[:4])} …")
    return _grouped(file, tensors)


def _paints(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether the last convolution of a checkpoint gives a picture, as a decoder's does."""
    flat = [key for key in tensors if re.fullmatch(r"\d+\.weight", key)]
    last = [max(flat, key=lambda key: int(key.partition(".")[0]))] if flat else []
    last += [key for key in tensors if re.fullmatch(r"((relu|d)\d(_1)?\.)?conv1_1\.weight", key)]
    return (
        bool(last)
        and all(tensors[key].ndim == 4 and len(tensors[key]) == 3 for key in last)
        and any(tensors[key].shape[1] != 3 for key in last)
    )


def _grouped(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Decoder]:
    """Return the decoders of one checkpoint."""
    named: dict[str, dict[str, Tensor]] = {}
    strange = []
    flat = {int(key.partition(".")[0]) for key in tensors if re.fullmatch(r"\d+\.(weight|bias)", key)}
    layer = next((layer for layer, plan in PLANS.items() if flat == set(plan)), None)
    if flat and layer is None:
        known = "; ".join(f"{layer}: {', '.join(map(str, plan))}" for layer, plan in PLANS.items())
        raise _refusal(
            file, f"is a Sequential with convolutions at {', '.join(map(str, sorted(flat)))}\n  decoders have ({known})"
        )
    for key, value in tensors.items():
        if match := re.fullmatch(r"(\d+)\.(weight|bias)", key):
            assert layer is not None
            name = mirrored(layer)[PLANS[layer].index(int(match[1]))]
            named.setdefault("", {})[f"conv{name}.{match[2]}"] = value
        elif match := re.fullmatch(
            r"(?:(?:relu|d)([1-5])(?:_1)?\.)?(conv\d_\d\.(?:weight|bias)|skip\d_1\.weight)", key
        ):
            named.setdefault(match[1] or "", {})[match[2]] = value
        else:
            strange.append(key)
    if strange:
        raise _refusal(file, f"has {', '.join(strange[:5])}, which is no part of a decoder")
    found = {}
    for level, own in named.items():
        decoder = _filled(file, own, f"relu{level}_1: " if level else "")
        if level and decoder.layer != f"relu{level}_1":
            raise _refusal(file, f"its decoder for relu{level}_1 ends at conv{decoder.convolutions[0]}")
        found[decoder.layer] = decoder
    return found


def _filled(file: Path, tensors: Mapping[str, Tensor], which: str) -> Decoder:
    """Return a decoder with these values, or refuse them."""
    flawed = [key for key, value in tensors.items() if key.endswith("weight") and value.ndim != 4]
    if flawed:
        raise _refusal(file, f"{which}{flawed[0]} is {shape(tensors[flawed[0]])}, which no convolution is")
    there = [name for name in CONVOLUTIONS if f"conv{name}.weight" in tensors]
    if not there:
        raise _refusal(file, f"{which}lacks convolutions")
    layer = f"relu{there[-1]}"
    if layer not in PLANS:
        raise _refusal(file, f"{which}begins with conv{there[-1]}; decoders begin with the first of a block")
    widths = [tensors[f"conv{name}.weight"].shape[1] for name in there if name.endswith("_1")]
    missing = [name for name in mirrored(layer) if name not in there]
    if missing:
        raise _refusal(file, f"{which}lacks {', '.join(f'conv{name}' for name in missing)} but has conv{there[-1]}")
    with weights.empty_init():
        skips = sorted((key[4:7] for key in tensors if key.startswith("skip")), reverse=True)
        if any(int(skip[0]) >= int(layer[4]) for skip in skips):
            raise _refusal(file, f"{which}has skip{skips[0]}, which is no shallower than {layer}")
        decoder = Decoder(widths, layer, {f"relu{skip}": tensors[f"skip{skip}.weight"].shape[1] for skip in skips})
    state = weights.check_state_dict(tensors, decoder.state_dict(), partial(_refusal, file), which)
    decoder.load_state_dict(state, assign=True)
    return decoder


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        "  what would work: decoders as AdaIN (decoder.pth) or WCT (decoder_relu4_1.pth,\n"
        "  feature_invertor_conv4_1.pth) lay them out, or decoders trained with Impasto"
    )


def decoders(path: str | os.PathLike[str], device: torch.device | str | None = None) -> Mapping[str, Decoder]:
    """Return the decoders of a file or folder, ready to use; the same ones whenever asked again.

    Args:
        path: see `load_decoders`.
        device: where they compute; None is the CPU.
    """
    return weights.cached(load_decoders, path, device)
