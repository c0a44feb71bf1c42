"""Sixteen bits a channel, of which Pillow keeps the high byte."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from .decoding import image_file, load, raw_mode, with_arguments

_DEPTH, _PHOTOMETRIC = 258, 262  # tags of TIFF


def sixteen_bit_pixels(image: ImageFile.ImageFile, data: bytes) -> npt.NDArray[np.uint16] | None:
    """Decode an image, and return its pixels `(H, W, C)` if it has 16 bits; else None, and it is loaded.

    Args:
        image: as opened, not yet decoded.
        data: the bytes that it was opened from.
    """
    tags = getattr(image, "tag_v2", {})
    raw = raw_mode(image.tile[0]) if image.tile else ""
    load(image)
    if raw == "LA;16B":  # two 16-bit channels lie in a PNG exactly as four 8-bit ones do
        head = data[12:24] + b"\x08\x06" + data[26:29]
        twin = image_file(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:], said=True)
        return uint16(np.asarray(twin).view(">u2"))
    if raw in ("RGB;16B", "RGBA;16B"):
        # Pillow skips the low byte of every sample; in the other byte order, it skips the high one.
        twin = image_file(data, said=True)
        twin.tile = [with_arguments(tile, raw[:-1] + "L") for tile in twin.tile]
        load(twin)
        pixels = uint16(image)
        pixels <<= 8
        pixels |= np.asarray(twin)
        return pixels
    if image.mode.startswith("I;16"):  # a TIFF may have 12 bits, and may count from white down to black
        white = 2 ** tags.get(_DEPTH, (16,))[0] - 1
        grey = np.arange(white + 1) / white
        table = uint16((65535 * (1 - grey if tags.get(_PHOTOMETRIC) == 0 else grey)).round())
        return uint16(table[np.asarray(image)][..., None])
    return None


def uint16(pixels: npt.ArrayLike | Image.Image) -> npt.NDArray[np.uint16]:
    """Return pixels as 16-bit integers."""
    return np.asarray(pixels).astype(np.uint16)
