"""Sixteen bits a channel, of which Pillow keeps the high byte or mixes up both."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from ..errors import PictureError
from .decoding import image_file, load, raw_mode, with_arguments

_PLANAR, _DEPTH, _PHOTOMETRIC = 284, 258, 262  # tags of TIFF


def sixteen_bit_pixels(image: ImageFile.ImageFile, data: bytes, name: str) -> npt.NDArray[np.uint16] | None:
    """Decode an image, and return its pixels `(H, W, C)` if it has 16 bits; else None, and it is loaded.

    Args:
        image: as opened, not yet decoded.
        data: the bytes that it was opened from.
        name: what stands for it in messages.

    Raises:
        PictureError: 16-bit CMYK stored plane by plane.
    """
    tags = getattr(image, "tag_v2", {})
    depth = tags.get(_DEPTH, (8,))[0]
    if tags.get(_PLANAR) == 2 and depth == 16 and len(image.getbands()) > 1:
        # Colours stored plane by plane: Pillow mixes up their bytes.
        if image.mode == "CMYK":
            raise PictureError(
                f"{name}: 16-bit CMYK stored plane by plane cannot be read\n  what would work: the picture saved as RGB"
            )
        import tifffile  # only here: a quarter of a second to load, for few pictures

        return uint16(np.moveaxis(tifffile.imread(io.BytesIO(data), key=0), 0, -1))
    raw = raw_mode(image.tile[0]) if image.tile else ""
    load(image)
    if raw == "LA;16B":  # two 16-bit channels lie in a PNG exactly as four 8-bit ones do
        head = data[12:24] + b"\x08\x06" + data[26:29]
        twin = image_file(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:])
        return uint16(np.asarray(twin).view(">u2"))
    if raw[:-1] in ("RGB;16", "RGBA;16"):
        # Pillow skips the low byte of every sample; in the other byte order, it skips the high one.
        twin = image_file(data)
        twin.tile = [_byte_swapped(tile) for tile in twin.tile]
        load(twin)
        return np.left_shift(uint16(image), 8, dtype=np.uint16) | uint16(twin)
    if image.mode.startswith("I;16"):  # a TIFF may have 12 bits, and may count from white down to black
        grey = np.asarray(image).astype(np.float64)[..., None] / (2 ** (depth if tags else 16) - 1)
        return uint16((65535 * (1 - grey if tags.get(_PHOTOMETRIC) == 0 else grey)).round())
    return None


def uint16(pixels: npt.ArrayLike | Image.Image) -> npt.NDArray[np.uint16]:
    """Return pixels as 16-bit integers."""
    return np.asarray(pixels).astype(np.uint16)


def _byte_swapped(tile: Any) -> Any:
    native_swapped = "B" if sys.byteorder == "little" else "L"
    raw = raw_mode(tile)
    raw = raw[:-1] + {"B": "L", "L": "B", "N": native_swapped}[raw[-1]]
    return with_arguments(tile, raw if isinstance(tile[3], str) else (raw, *tile[3][1:]))
