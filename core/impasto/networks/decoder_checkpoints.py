"""Checkpoints of decoders, in the layouts in which people have them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from .. import weights
from ..errors import WeightsError
from ..files import local_path
from ..validation import shape
from .vgg import CONVOLUTIONS
from .vgg_decoder import VGGDecoder, decoder_convolutions

CHECKPOINT_SUFFIXES = {".pth", ".pt", ".safetensors"}
"""Of files that hold networks."""


def _positions(layer: str) -> tuple[int, ...]:
    """Return where the public Sequentials of pad, convolution, ReLU and upsampling hold the convolutions."""
    steps = [4 if name.endswith("_1") else 3 for name in decoder_convolutions(layer)]
    return tuple(accumulate(steps[:-1], initial=1))


SEQUENTIAL_LAYOUTS = {f"relu{level}_1": _positions(f"relu{level}_1") for level in range(1, 6)}
"""Where the public Sequentials of pad, convolution, ReLU and upsampling hold their convolutions, by layer."""


def load_decoders(path: str | os.PathLike[str]) -> dict[str, VGGDecoder]:
    """Return the decoders that a checkpoint, or a folder of checkpoints, holds, by layer, whatever their layout.

    - A flat Sequential of pad, convolution, ReLU and upsampling: `decoder.pth` of AdaIN, `decoder_relu4_1.pth`
      and `feature_invertor_conv4_1.pth` of WCT; its length tells the layer.
    - `convB_C`: one decoder, its convolutions named after the encoder's that they invert; `skipB_1` (C, C', 1, 1)
      are the 1x1 convolutions of its skips.
    - `reluB_1.convB_C` or `dB.convB_C`: several such, as Impasto trains them and as in the compressed networks of
      Wang et al. (2020).

    Args:
        path: a .pth, .pt or .safetensors file, opened safely (see `impasto.weights.load`); or a folder, in which
            and below which files without decoders are skipped.

    Returns:
        Decoders by layer, float32 on the CPU, shallow to deep.

    Raises:
        WeightsError: not a checkpoint, or not decoders in one of these layouts; the message says what it is.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/decoder.pth"
        >>> torch.save(VGGDecoder((4, 8, 16), "relu3_1").state_dict(), path)
        >>> list(load_decoders(path))
        ['relu3_1']
    """
    source = local_path(path)
    if not source.is_dir():
        return dict(sorted(_read_file(source).items()))
    files = [file for file in weights.regular_files(source) if file.suffix in CHECKPOINT_SUFFIXES]
    by_layer: dict[str, VGGDecoder] = {}
    owners: dict[str, Path] = {}
    for file in files:
        tensors = weights.load(file)
        if not _is_decoder(tensors):
            continue
        for layer, decoder in _decoders_of(file, tensors).items():
            if layer in by_layer:
                raise WeightsError(
                    f"{source}: {owners[layer].name} and {file.name} both hold a decoder for {layer}\n"
                    "  what would work: a folder with one of them, or the path of the file"
                )
            by_layer[layer], owners[layer] = decoder, file
    if not by_layer:
        names = ", ".join(file.name for file in files[:5]) or "no .pth, .pt or .safetensors files"
        raise WeightsError(f"{source}: holds no decoders\n  it has: {names}")
    return dict(sorted(by_layer.items()))


def _read_file(file: Path) -> dict[str, VGGDecoder]:
    tensors = weights.load(file)
    if not _is_decoder(tensors):
        if any(value.ndim == 4 and value.shape[1] == 3 for value in tensors.values()):
            raise _refusal(file, "looks like an encoder: its first convolution takes a picture")
        raise _refusal(file, f"is laid out as something else: {', '.join(list(tensors)[:4])} …")
    return _decoders_of(file, tensors)


def _is_decoder(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether the last convolution of a checkpoint has three output channels, as a decoder's does."""
    flat = [key for key in tensors if re.fullmatch(r"\d+\.weight", key)]
    last = [max(flat, key=lambda key: int(key.partition(".")[0]))] if flat else []
    last += [key for key in tensors if re.fullmatch(r"((relu|d)\d(_1)?\.)?conv1_1\.weight", key)]
    return (
        bool(last)
        and all(tensors[key].ndim == 4 and len(tensors[key]) == 3 for key in last)
        and any(tensors[key].shape[1] != 3 for key in last)
    )


def _decoders_of(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, VGGDecoder]:
    """Return the decoders of one checkpoint."""
    by_level: dict[str, dict[str, Tensor]] = {}
    unknown = []
    flat = {int(key.partition(".")[0]) for key in tensors if re.fullmatch(r"\d+\.(weight|bias)", key)}
    layer = next((layer for layer, layout in SEQUENTIAL_LAYOUTS.items() if flat == set(layout)), None)
    if flat and layer is None:
        places = ", ".join(map(str, sorted(flat)))
        layouts = "; ".join(f"{layer}: {', '.join(map(str, at))}" for layer, at in SEQUENTIAL_LAYOUTS.items())
        raise _refusal(file, f"is a Sequential with convolutions at {places}\n  decoders have them at: {layouts}")
    for key, value in tensors.items():
        if match := re.fullmatch(r"(\d+)\.(weight|bias)", key):
            assert layer is not None
            name = decoder_convolutions(layer)[SEQUENTIAL_LAYOUTS[layer].index(int(match[1]))]
            by_level.setdefault("", {})[f"conv{name}.{match[2]}"] = value
        elif match := re.fullmatch(
            r"(?:(?:relu|d)([1-5])(?:_1)?\.)?(conv\d_\d\.(?:weight|bias)|skip\d_1\.weight)", key
        ):
            by_level.setdefault(match[1] or "", {})[match[2]] = value
        else:
            unknown.append(key)
    if unknown:
        raise _refusal(file, f"has {', '.join(unknown[:5])}, which is no part of a decoder")
    by_layer = {}
    for level, state in by_level.items():
        decoder = _decoder_with(file, state, f"relu{level}_1: " if level else "")
        if level and decoder.layer != f"relu{level}_1":
            raise _refusal(file, f"its decoder for relu{level}_1 ends at conv{decoder.convolutions[0]}")
        by_layer[decoder.layer] = decoder
    return by_layer


def _decoder_with(file: Path, tensors: Mapping[str, Tensor], which: str) -> VGGDecoder:
    """Return the decoder that has these weights, or refuse them."""
    flawed = [key for key, value in tensors.items() if key.endswith("weight") and value.ndim != 4]
    if flawed:
        raise _refusal(file, f"{which}{flawed[0]} is {shape(tensors[flawed[0]])}, which no convolution is")
    names = [name for name in CONVOLUTIONS if f"conv{name}.weight" in tensors]
    if not names:
        raise _refusal(file, f"{which}lacks convolutions")
    layer = f"relu{names[-1]}"
    if layer not in SEQUENTIAL_LAYOUTS:
        raise _refusal(file, f"{which}begins with conv{names[-1]}; decoders begin with the first of a block")
    widths = {name: tensors[f"conv{name}.weight"].shape[1] for name in names}
    missing = [name for name in decoder_convolutions(layer) if name not in names]
    if missing:
        raise _refusal(file, f"{which}lacks {', '.join(f'conv{name}' for name in missing)} but has conv{names[-1]}")
    with weights.empty_init():
        skips = sorted((key[4:7] for key in tensors if key.startswith("skip")), reverse=True)
        if any(int(skip[0]) >= int(layer[4]) for skip in skips):
            raise _refusal(file, f"{which}has skip{skips[0]}, which is no shallower than {layer}")
        decoder = VGGDecoder(widths, layer, {f"relu{skip}": tensors[f"skip{skip}.weight"].shape[1] for skip in skips})
    state = weights.check_state_dict(tensors, decoder.state_dict(), partial(_refusal, file), which)
    decoder.load_state_dict(state, assign=True)
    return decoder


def _refusal(file: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{file}: {what}\n"
        "  what would work: decoders as AdaIN (decoder.pth) or WCT (decoder_relu4_1.pth,\n"
        "  feature_invertor_conv4_1.pth) lay them out, or decoders trained with Impasto"
    )


def cached_decoders(path: str | os.PathLike[str], device: torch.device | str | None = None) -> Mapping[str, VGGDecoder]:
    """Return the decoders of a file or folder by layer, ready to use; the same ones every time, until the file changes.

    Args:
        path: see `load_decoders`.
        device: where they compute; None is the CPU.

    Raises:
        WeightsError: see `load_decoders`.

    Example:
        >>> sorted(cached_decoders("wct-decoders", "cuda"))  # doctest: +SKIP
        ['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1']
    """
    return weights.cached(load_decoders, path, device)
