"""Encoders by level: one for all, or, as some checkpoints come, one cut or trained for each."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from impasto import Encoder, WeightsError, weights
from impasto.files import local_path
from impasto.host import get_host
from impasto.networks import CHECKPOINT_SUFFIXES, VGGEncoder, encoder_for_checkpoint, load_vgg, trained_padding


def level_encoder(name: str, level: int, device: torch.device) -> Encoder:
    """Return the encoder for a level, on a device; the same one every time, until its file changes.

    Args:
        name: an encoder's name or file, good for all levels down to its depth; a file of several, `eB.convB_C`
            (Wang et al. 2020); or a folder of such files, where the one that ends at the level goes first and
            the least deep that reaches it next.  Decoders in the folder are skipped.
        level: 1 to 5, of relu1_1 to relu5_1.
        device: where it computes.

    Raises:
        WeightsError: no encoder there reaches the level; the message says which there are.
    """
    path = local_path(name).resolve()
    if name in get_host().encoders or not path.exists():
        return encoder_for_checkpoint(name, device)
    known = weights.regular_files(path)
    files = {file: stamp for file, stamp in known.items() if file == path or file.suffix in CHECKPOINT_SUFFIXES}
    stamps = tuple(files.values())
    encoders = _encoders_in(tuple(files), stamps)
    deep = [entry for entry in encoders if entry[0] >= level]
    own = [entry for entry in deep if entry[2] == f"e{level}."] or [entry for entry in deep if not entry[2]]
    if not own:
        names = ", ".join(f"{file.name} {prefix}relu{depth}_1".strip() for depth, file, prefix in encoders) or "none"
        raise WeightsError(
            f"{path}: has no encoder that reaches relu{level}_1\n  it has: {names}\n"
            "  what would work: levels down to that depth, or the encoder that goes with the decoders"
        )
    _, file, prefix = min(own, key=lambda entry: entry[0])
    return (
        encoder_for_checkpoint(str(file), device) if not prefix else _encoder_with_prefix(file, prefix, stamps, device)
    )


@weights.shared_cache(maxsize=8)
def _encoders_in(files: tuple[Path, ...], stamps: object) -> list[tuple[int, Path, str]]:
    """Return depth, file and prefix of each encoder in some files."""
    encoders = []
    for file in files:
        tensors = weights.load(file)
        prefixes = sorted({match[0] for key in tensors if (match := re.match(r"e[1-5]\.", key))}) or [""]
        for prefix in prefixes:
            first = [
                tensors[f"{prefix}{key}"]
                for key in ("conv1_1.weight", "0.weight", "features.0.weight")
                if f"{prefix}{key}" in tensors
            ]
            if first and first[0].ndim == 4 and first[0].shape[1] == 3:
                encoders.append((int(load_vgg(file, prefix).convolutions[-1][0]), file, prefix))
    return encoders


@weights.shared_cache(maxsize=8)
def _encoder_with_prefix(file: Path, prefix: str, stamps: object, device: torch.device) -> Encoder:
    network = load_vgg(file, prefix)
    return VGGEncoder(network.to(device), f"{file.name} {prefix}", padding=trained_padding(network))
