"""Chunks of a PNG that Pillow does not tell of, or for whose sake it would refuse the picture."""

from __future__ import annotations

import struct
import warnings
import zlib
from typing import Any

from ..errors import quoted
from .chunks import PNG, chunks, png_chunk

_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_LEAST = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""Lengths below which a chunk of these kinds says nothing."""

LONGEST_TEXT, LONGEST_TEXTS = 1 << 20, 1 << 25
"""The longest text, unpacked, and all together, in bytes: what Pillow takes, and half of it."""

LONGEST_PROFILE = 1 << 25
"""The longest colour profile, unpacked, in bytes."""


def readable_png(data: bytes, said: bool = False) -> tuple[bytes, dict[str, Any]]:
    """Return a PNG without metadata that Pillow would refuse it for, with a warning, and what Pillow does not tell.

    Args:
        data: the bytes of the file.
        said: whether the warning is given elsewhere.

    Returns:
        The bytes, and entries for `image.info`: `icc_profile`, to `LONGEST_PROFILE`, `cicp`, the codes of H.273 for
        primaries and transfer, and `transparency` in 8 bits where the grey has fewer.
    """
    told: dict[str, Any] = {}
    left_out: list[slice] = []
    reasons: dict[str, None] = {}
    room = LONGEST_TEXTS
    depth, color = data[24:26] if len(data) > 25 else (8, 0)
    for kind, inner, place in chunks(data, PNG, ">"):
        if place.stop > len(data) or not kind.isalpha():
            break
        if kind == b"IDAT":
            continue
        body, reason = data[inner], None
        if kind[0] & 32 and kind != b"tRNS" and data[place] != png_chunk(kind, body):
            reason = "is damaged"
        elif len(body) < _LEAST.get(kind, 0):
            reason = "is too short"
        elif kind in _TEXTS:
            length = _text_length(kind, body, room)
            room -= min(length, room)
            reason = "is too long" if length > LONGEST_TEXT or not room else None
        elif kind == b"iCCP":
            told["icc_profile"] = _profile(body)
            left_out.append(place)
            reason = None if told["icc_profile"] else "cannot be unpacked, or is too long"
        elif kind == b"cICP" and len(body) >= 4:
            told["cicp"] = tuple(body[:4])
        elif kind == b"tRNS" and not color and depth in (2, 4) and len(body) >= 2:
            told["transparency"] = struct.unpack_from(">H", body)[0] * (255 // (2**depth - 1))
        if reason:
            left_out.append(place)
            name = body.partition(b"\0")[0].decode("latin-1") if kind in _TEXTS else ""
            reasons[f"{kind.decode('ascii')}{name and ' ' + quoted(name, 40)} {reason}"] = None
    if reasons and not said:
        shown = ", ".join(list(reasons)[:3]) + (f" and {len(reasons) - 3} more" if len(reasons) > 3 else "")
        warnings.warn(f"metadata of the PNG is left out, the picture is read: {shown}", stacklevel=2)
    if left_out:
        starts, ends = [0, *(place.stop for place in left_out)], [*(place.start for place in left_out), len(data)]
        data = b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))
    return data, told


def _text_length(kind: bytes, body: bytes, room: int) -> int:
    """Return how long a text is when it is unpacked, or one more than it may be; 0 for one that says nothing."""
    rest = body.partition(b"\0")[2]
    if kind == b"zTXt":
        if rest[:1] != b"\0":  # packed in an unknown way
            return LONGEST_TEXT + 1
        packed = rest[1:]
    elif kind == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]
    else:
        return len(body)
    unpacker = zlib.decompressobj()
    try:
        return len(unpacker.decompress(packed, min(LONGEST_TEXT, room) + 1))
    except zlib.error:
        return 0  # Pillow takes it for empty


def _profile(body: bytes) -> bytes | None:
    try:
        found = zlib.decompressobj().decompress(body.partition(b"\0")[2][1:], LONGEST_PROFILE + 1)
    except zlib.error:
        return None
    return found if 0 < len(found) <= LONGEST_PROFILE else None
