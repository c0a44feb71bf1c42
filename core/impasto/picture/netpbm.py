"""PBM, PGM and PPM of any maximum value, binary and as text, whose values Pillow rounds to 8 bits."""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageFile

from .decoding import raw_mode


def netpbm_pixels(image: ImageFile.ImageFile, data: bytes) -> tuple[npt.NDArray[Any], int] | None:
    """Return the pixels `(H, W, C)` of a PPM, integers or floats in [0, 1], and its bits; None if Pillow's are exact.

    Args:
        image: as opened, not yet decoded.
        data: the bytes that it was opened from.

    Raises:
        OSError: it is cut short.
        ValueError: it holds something else than numbers, or a number over its maximum.
    """
    tile: Any = image.tile[0]
    codec, offset, raw = tile[0], tile[2], raw_mode(tile)
    if codec == "raw" and raw != "I;16B":
        return None
    height, width, channels = image.height, image.width, 3 if image.mode == "RGB" else 1
    white, count = 65535 if codec == "raw" else tile[3][-1], height * width * channels
    if image.mode == "1":
        digits = np.frombuffer(_text(data[offset:]).translate(None, string.whitespace.encode()), np.uint8)
        white, values = 1, ord("1") - digits  # 1 is black
    elif codec == "ppm_plain":
        values = np.fromstring(_text(data[offset:]), np.int64, sep=" ")
    else:
        values = np.frombuffer(data, np.uint8 if white < 256 else ">u2", min(count, _left(data, offset, white)), offset)
    if len(values) < count:
        raise OSError(f"it is cut short: {len(values):,} of {count:,} values")
    values = values[:count]
    if values.max() > white:
        raise ValueError(f"it holds {values.max()}, over its maximum of {white}")
    if white in (255, 65535):
        values = values.astype(np.uint8 if white == 255 else np.uint16)
    else:
        values = np.divide(values, np.float32(white), dtype=np.float32)
    return values.reshape(height, width, channels), 8 if white < 256 else 16


def _left(data: bytes, offset: int, white: int) -> int:
    return (len(data) - offset) // (1 if white < 256 else 2)


def _text(data: bytes) -> bytes:
    """Return numbers without the comments between them."""
    text = re.sub(rb"#[^\r\n]*", b"", data)
    if other := re.search(rb"[^\s0-9]", text):
        raise ValueError(f"it holds {other[0]!r} where a number is due")
    return text
