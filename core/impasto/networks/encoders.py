"""Encoders by name: `encoder("slim19")` is ready to use, `encoder("vgg_conv.pth")` reads a checkpoint people have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ..device import indexed_device
from ..errors import quoted
from ..files import local_path
from ..host import get_host
from ..weights import freeze, note_needed, shared_cache
from .pretrained import records
from .protocols import Encoder
from .vgg import VGG, Padding, Pooling
from .vgg_checkpoints import load_vgg
from .vgg_encoder import VGGEncoder


def encoder(
    name_or_path: str | os.PathLike[str],
    *,
    pooling: Pooling = "max",
    padding: Padding = "replicate",
    calibrated: bool = False,
    device: torch.device | str | None = None,
) -> Encoder:
    """Return an encoder by its name, or from a checkpoint; the same one every time, until the file changes.

    Args:
        name_or_path: `slim19`, `slim19-half`, `vgg19` or what plugins offer; or the path of a file that
            `load_vgg` reads.
        pooling: see `VGGEncoder`; others come with theirs.
        padding: likewise.
        calibrated: see `VGGEncoder`; the features of others are as they are.
        device: where it computes; None is the CPU. An encoder is shared, so ask for one on another device
            instead of moving it.

    Raises:
        UnknownNameError: no encoder of this name, and no such file.
        TypeError: what a plugin offers is no encoder.
        ValueError: another pooling or padding than an encoder comes with.
        WeightsError: weights that cannot be found, verified or opened.

    Example:
        >>> import impasto
        >>> vgg = impasto.encoder("slim19")
        >>> content = impasto.samples.content("astronaut")
        >>> vgg.features(content, ["relu3_1"])["relu3_1"].shape[1]
        64
    """
    where = indexed_device(device)
    name = os.fspath(name_or_path)
    path = local_path(name).resolve()
    if name not in get_host().encoders and (path.is_file() or path.suffix or not isinstance(name_or_path, str)):
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
        return _encoder(path, stamp, name, pooling, padding, calibrated, where)
    note_needed(*records(name))
    return _encoder(get_host().encoder(name), None, name, pooling, padding, calibrated, where)


Source = Path | Callable[[], nn.Module]


@shared_cache(maxsize=32)
def _encoder(
    source: Source,
    stamp: tuple[int, int] | None,
    name: str,
    pooling: Pooling,
    padding: Padding,
    calibrated: bool,
    device: torch.device,
) -> Encoder:
    network = _network(source, stamp, device)
    if isinstance(network, VGG):
        return VGGEncoder(network, name, pooling=pooling, padding=padding, calibrated=calibrated)
    if not isinstance(network, Encoder):
        missing = [
            member for member in ("name", "layers", "channels", "strides", "features") if not hasattr(network, member)
        ]
        raise TypeError(
            f"the encoder {quoted(name)} was loaded as {type(network).__name__}, which lacks {', '.join(missing)}\n"
            "  what would work: a loader that returns a network with name, layers, channels, strides and\n"
            "  features(image, layers), see impasto.Encoder; or impasto.networks.load_vgg(path)"
        )
    own = getattr(network, "pooling", "max"), getattr(network, "padding", "replicate")
    if own != (pooling, padding):
        raise ValueError(
            f"the encoder {quoted(name)} comes with its pooling and padding, found pooling = {pooling!r},"
            f" padding = {padding!r}\n  what would work: pooling = {own[0]!r}, padding = {own[1]!r}"
        )
    return network


@shared_cache(maxsize=8)
def _network(source: Source, stamp: tuple[int, int] | None, device: torch.device) -> nn.Module:
    return freeze(load_vgg(source) if isinstance(source, Path) else source(), device)
