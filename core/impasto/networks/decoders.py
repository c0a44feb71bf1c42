"""Decoders by name: `decoder("adain-slim19")` is ready to use, `decoder("decoder.pth")` reads a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import nn

from ..device import indexed_device
from ..errors import WeightsError, quoted
from ..files import local_path
from ..host import get_host
from ..weights import freeze, note_needed, shared_cache
from .decoder_checkpoints import cached_decoders
from .pretrained import decoder_families, records
from .protocols import Decoder


def decoder(
    name_or_path: str | os.PathLike[str], *, layer: str | None = None, device: torch.device | str | None = None
) -> Decoder:
    """Return a decoder by its name, or from a checkpoint; the same one every time, until the file changes.

    Args:
        name_or_path: what plugins offer, such as `adain-slim19`, or what several have in common before their
            layers, such as `wct-slim19`; or the path of a file or folder that `load_decoders` reads.
        layer: which of several decoders, such as `relu4_1`; None: the only one.
        device: where it computes; None is the CPU. A decoder is shared, so ask for one on another device
            instead of moving it.

    Raises:
        UnknownNameError: no decoder of this name, and no such file.
        TypeError: what a plugin offers is no decoder.
        WeightsError: weights that cannot be found, verified or opened, or a file or whole name without a decoder of
            this layer.

    Example:
        >>> import impasto
        >>> slim, paint = impasto.encoder("slim19"), impasto.decoder("adain-slim19")
        >>> paint.layers
        ('relu4_1', 'relu3_1')
        >>> cat = impasto.samples.content("cat", 96)
        >>> paint(slim.features(cat, paint.layers)).shape
        torch.Size([1, 3, 64, 96])
    """
    where = indexed_device(device)
    name = os.fspath(name_or_path)
    if layer is not None and name in decoder_families(get_host().decoders):
        # Never the file of that name: a stranger's recipe may name what is installed, and no file.
        return _by_name(f"{name}-{layer}", where)
    path = local_path(name)
    if name in get_host().decoders or not (path.exists() or path.suffix or not isinstance(name_or_path, str)):
        named = _by_name(name, where)
        if layer not in (None, named.layers[0]):
            raise WeightsError(
                f"{name}: is no decoder for {layer}\n  it has: {named.layers[0]}\n  what would work: one for {layer}"
            )
        return named
    by_layer = cached_decoders(path, where)
    if layer is None and len(by_layer) == 1:
        return next(iter(by_layer.values()))
    if layer is None or layer not in by_layer:
        holds = "several decoders" if layer is None else f"no decoder for {layer}"
        raise WeightsError(
            f"{path}: holds {holds}\n  it has: {', '.join(by_layer)}\n"
            f"  what would work: {'layer=' + repr(next(iter(by_layer))) if layer is None else f'one for {layer}'}"
        )
    return by_layer[layer]


def _by_name(name: str, device: torch.device) -> Decoder:
    note_needed(*records(name))
    return _named(get_host().decoder(name), name, device)


@shared_cache(maxsize=16)
def _named(load: Callable[[], nn.Module], name: str, device: torch.device) -> Decoder:
    network = freeze(load(), device)
    if not isinstance(network, Decoder):
        missing = [member for member in ("layers", "channels") if not hasattr(network, member)]
        raise TypeError(
            f"the decoder {quoted(name)} was loaded as {type(network).__name__}, which lacks {', '.join(missing)}\n"
            "  what would work: a loader that returns a network with layers, channels and a call with their features,\n"
            "  see impasto.networks.Decoder; or impasto.networks.load_decoders(path)[layer]"
        )
    return network
