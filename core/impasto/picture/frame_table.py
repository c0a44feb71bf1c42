"""What the structure of a file says of the pictures it holds: the frames of an animation, the pages of a TIFF."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import NamedTuple

from PIL import Image

from .chunks import PNG, WEBP, chunks, png_chunk
from .gif import GifFrame, gif_blocks

MAX_FRAMES = 100_000
"""Most frames of one file; more are hours, and those of a file that is small are hardly meant."""

UNSAID = Fraction(1, 10)
"""Seconds that a frame is shown whose file says 0, as browsers do."""

REDUCED, MASK = 1, 4  # kinds of pages of a TIFF, bits of its tag 254


class FrameTable(NamedTuple):
    """How many pictures a file holds, and what it says of them.

    Args:
        durations: of each frame, in seconds; None where its decoder says, or nothing does.
        plays: how often it is shown; 0 without end.
        whole: whether the file has its end.
        pages: where the pages of a TIFF lie, without reduced copies and masks.
        gif: the frames of a GIF.
    """

    durations: tuple[Fraction | None, ...]
    plays: int = 0
    whole: bool = True
    pages: tuple[int, ...] = ()
    gif: tuple[GifFrame, ...] = ()

    def __len__(self) -> int:
        return len(self.durations)


def frame_table(image: Image.Image, data: bytes) -> FrameTable:
    """Return what a file says of its frames or pages, counted one by one: a number in its head may be wrong.

    Args:
        image: as Pillow opened it.
        data: the bytes it was opened from; empty where they are not known.
    """
    reader = {"GIF": _gif, "PNG": _png, "WEBP": _webp, "TIFF": _tiff}.get(image.format or "")
    if reader is not None and data:
        return reader(data)
    # The second picture of a JPEG is a preview, a depth or a gain map of the first.
    several = image.format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
    return FrameTable((None,) * min(getattr(image, "n_frames", 1) if several else 1, MAX_FRAMES + 1))


def _duration(seconds: Fraction) -> Fraction:
    return seconds or UNSAID


def _gif(data: bytes) -> FrameTable:
    blocks = gif_blocks(data, MAX_FRAMES)
    return FrameTable(
        tuple(_duration(frame.duration) for frame in blocks.frames), blocks.plays, blocks.whole, gif=blocks.frames
    )


def _png(data: bytes) -> FrameTable:
    durations: list[Fraction] = []
    played, plays, kind = False, 0, b""
    view = memoryview(data)
    for kind, place, _ in chunks(data, PNG, ">"):
        body = view[place]
        if kind == b"acTL" and len(body) >= 8:
            played, plays = True, int.from_bytes(body[4:8], "big")
        elif kind == b"fcTL" and len(body) >= 26 and played:
            numerator, denominator = struct.unpack_from(">HH", body, 20)
            durations.append(_duration(Fraction(numerator, denominator or 100)))
            if len(durations) > MAX_FRAMES:
                break
    return FrameTable(tuple(durations), plays, kind == b"IEND")


def with_frames_counted(data: bytes, count: int) -> bytes:
    """Return an animated PNG that says how many frames it has, which decoders believe."""
    for kind, body, whole in chunks(data, PNG, ">"):
        if kind == b"acTL":
            counted = png_chunk(kind, struct.pack(">I", count) + data[body][4:])
            return data[: whole.start] + counted + data[whole.stop :]
    return data


def _webp(data: bytes) -> FrameTable:
    durations: list[Fraction] = []
    plays = 0
    view = memoryview(data)
    for kind, place, _ in chunks(data, WEBP, "<"):
        body = view[place]
        if kind == b"ANIM" and len(body) >= 6:
            plays = int.from_bytes(body[4:6], "little")
        elif kind == b"ANMF" and len(body) >= 16:
            durations.append(_duration(Fraction(int.from_bytes(body[12:15], "little"), 1000)))
            if len(durations) > MAX_FRAMES:
                break
    return FrameTable(tuple(durations), plays)


class _TiffLayout(NamedTuple):
    """How numbers lie in a TIFF: the order of their bytes, where the first page is named, and their widths."""

    order: str
    first: int
    counter: str
    pointer: str
    entry: int

    @classmethod
    def of(cls, data: bytes) -> _TiffLayout:
        order = "<" if data[:2] == b"II" else ">"
        if data[2:4] in (b"+\0", b"\0+"):  # BigTIFF
            return cls(order, 8, order + "Q", order + "Q", 20)
        return cls(order, 4, order + "H", order + "I", 12)

    def entries(self, data: bytes, page: int) -> range:
        """Return where the tags of a page lie; behind the last one, the next page is named."""
        (count,) = struct.unpack_from(self.counter, data, page)
        begin = page + struct.calcsize(self.counter)
        return range(begin, begin + min(count, 0xFFFF) * self.entry, self.entry)

    def kind(self, data: bytes, entries: range) -> int:
        """Return what kind of page it is, of its tag 254."""
        for entry in entries:
            if data[entry : entry + 2] == struct.pack(self.order + "H", 254):
                value = entry + self.entry - struct.calcsize(self.pointer)
                return int(struct.unpack_from(self.order + "I", data, value)[0])
        return 0


def _tiff(data: bytes) -> FrameTable:
    layout = _TiffLayout.of(data)
    pages: list[int] = []
    seen: set[int] = set()
    try:
        (page,) = struct.unpack_from(layout.pointer, data, layout.first)
        while page and page not in seen and len(pages) <= MAX_FRAMES:
            seen.add(page)
            entries = layout.entries(data, page)
            if not pages or not layout.kind(data, entries) & (REDUCED | MASK):
                pages.append(page)
            (page,) = struct.unpack_from(layout.pointer, data, entries.stop)
        whole = not page
    except struct.error:
        whole = False
    return FrameTable((None,) * len(pages), whole=whole, pages=tuple(pages))


def page_alone(data: bytes, page: int) -> bytes:
    """Return a TIFF whose only page is the one that lies at a position."""
    layout = _TiffLayout.of(data)
    alone = bytearray(data)
    struct.pack_into(layout.pointer, alone, layout.first, page)
    struct.pack_into(layout.pointer, alone, layout.entries(data, page).stop, 0)
    return bytes(alone)
