"""Files whose suffix Impasto does not read by itself, read by what plugins offer."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import PictureError, PluginError, quoted
from ..files import PICTURES, VIDEOS
from .arrays import color_and_alpha, tensor_copy
from .decoding import check_size, decoding_errors
from .metadata import Metadata
from .picture import Picture

OWN_SUFFIXES = frozenset((*PICTURES, *VIDEOS, ".apng", ".jfif", ".jpe", ".mpo", ".dib", ".pbm", ".pnm", ".pfm", ".hif"))
"""Suffixes of files that Impasto reads by itself, whatever plugins offer: installing one never changes a picture."""


class PluginReader(NamedTuple):
    """A reader that a plugin offers."""

    suffix: str
    decode: Callable[[bytes], npt.NDArray[Any]]
    distribution: str


def picture_suffixes() -> tuple[str, ...]:
    """Return the suffixes by which pictures are told from the other files of a folder, those of plugins last."""
    return (*PICTURES, *(suffix for suffix in _host().readers if suffix not in OWN_SUFFIXES))


def plugin_reader(file: str | os.PathLike[str]) -> PluginReader | None:
    """Return the reader that a plugin offers for a file's suffix; None where there is none, or Impasto has its own.

    Raises:
        PictureError: several plugins offer one.
    """
    suffix = Path(file).suffix.lower()
    if not suffix or suffix in OWN_SUFFIXES:
        return None
    host = _host()
    if f"reader {suffix}" in host.conflicts:
        makers = host.conflicts[f"reader {suffix}"]
        both, neither = ("both", "neither") if len(makers) == 2 else ("all", "none")
        raise PictureError(
            f"{file}: {' and '.join(makers)} {both} read {suffix}, so {neither} is used\n"
            "  what would work: uninstall one, or leave its plugin out, as IMPASTO_PLUGINS=-color does"
        )
    decode = host.readers.get(suffix)
    return None if decode is None else PluginReader(suffix, decode, host.distribution(decode))


def _host() -> Any:
    # By name, as the host loads what it offers itself: what plugins offer is found floors above.
    return importlib.import_module("impasto.host").get_host()


def plugin_picture(reader: PluginReader, data: bytes, name: str, max_pixels: int | None) -> Picture:
    """Return the picture that a plugin's reader makes of a file's bytes, held to what holds for every picture.

    Args:
        reader: of the file's suffix.
        data: the bytes.
        name: what stands for the file in messages.
        max_pixels: refuse larger pictures.

    Raises:
        PictureError: the reader failed, or the picture is too large.
        PluginError: it gave back something other than a picture.
    """
    with decoding_errors(f"{name} (read by {reader.distribution})"):
        pixels = reader.decode(data)
    where = f"{reader.distribution}: its reader of {reader.suffix}"
    wanted = "what would work: an array (H, W), (H, W, 3) or (H, W, 4), of uint8, uint16 or floats in [0, 1]"
    if not isinstance(pixels, np.ndarray):
        raise PluginError(f"{where} gave back {quoted(pixels)}\n  {wanted}")
    if (
        pixels.ndim not in (2, 3)
        or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4))
        or pixels.dtype.kind not in "buf"
    ):
        raise PluginError(f"{where} gave back an array {pixels.shape} of {pixels.dtype}\n  {wanted}")
    check_size((pixels.shape[1], pixels.shape[0]), name, max_pixels, len(data))
    planes = np.moveaxis(pixels if pixels.ndim == 3 else pixels[..., None], -1, 0)
    try:
        color, alpha = color_and_alpha(tensor_copy(planes), "its array")
    except PictureError as error:
        raise PluginError(f"{where} gave back no picture\n  {error}") from error
    return Picture(color, alpha, Metadata(bits={"uint8": 8, "uint16": 16, "float32": 32}.get(pixels.dtype.name)))
