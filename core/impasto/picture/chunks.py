"""Chunks, of which a PNG and a WebP are made: walked through and made."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

PNG, WEBP = 8, 12
"""Where the first chunk lies, behind the signature."""


class Chunk(NamedTuple):
    """A chunk, and where it lies; in a file that is cut short, the places of the last one reach beyond the end."""

    kind: bytes
    body: slice
    whole: slice
    """With its kind, its length and its checksum, or what fills it up."""


def chunks(data: bytes, position: int, order: Literal["<", ">"]) -> Iterator[Chunk]:
    """Iterate over chunks, as far as they have a kind and a length.

    Args:
        data: the bytes of a file.
        position: where the first chunk lies: `PNG` or `WEBP`.
        order: of the bytes of a length: ">" in a PNG, "<" in a WebP.
    """
    while position + 8 <= len(data):
        if order == ">":
            length, kind = struct.unpack_from(">I4s", data, position)
            end = position + 12 + length
        else:
            kind, length = struct.unpack_from("<4sI", data, position)
            end = position + 8 + length + length % 2
        yield Chunk(kind, slice(position + 8, position + 8 + length), slice(position, end))
        position = end


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
