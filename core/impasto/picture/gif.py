"""Frames of a GIF, found by the blocks of the file and composed as browsers show them.

Pillow composes them too, but fills what a frame leaves behind with a colour where browsers show nothing, and decides
by settings of the process.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .damage import check_rows
from .decoding import image_file, load

KEEP, CLEAR, RESTORE = 1, 2, 3
"""What becomes of a frame before the next is shown."""

_CONTROL = 0xF9
_BEGINNING = re.compile(b"[!,;]")


class GifFrame(NamedTuple):
    """A frame, before it is decoded: where it lies in the picture and in the file."""

    left: int
    top: int
    width: int
    height: int
    duration: Fraction
    """Seconds; 0 where the file does not say."""
    disposal: int
    control: bytes
    """The four bytes of its control block."""
    begin: int
    end: int


class GifBlocks(NamedTuple):
    """What the blocks of a GIF say."""

    frames: tuple[GifFrame, ...]
    plays: int
    """How often it is shown; 0 without end."""
    whole: bool
    """Whether it has its end."""


def gif_blocks(data: bytes, most: int) -> GifBlocks:
    """Return the frames of a GIF that are whole or begun, at most one more than `most`."""
    frames: list[GifFrame] = []
    control, plays = bytes(4), 1
    try:
        position = _first_block(data)
        while data[position] != 0x3B and len(frames) <= most:
            begin = position
            if data[begin] == 0x21:
                position = _behind(data, begin + 2)
                if data[begin + 1] == _CONTROL:
                    control = data[begin + 3 : begin + 7]
                elif data[begin + 3 : begin + 14] == b"NETSCAPE2.0" and data[begin + 15] == 1:
                    again = int.from_bytes(data[begin + 16 : begin + 18], "little")
                    plays = again and again + 1
            elif data[begin] == 0x2C:
                place = struct.unpack_from("<4H", data, begin + 1)
                try:
                    position = _behind(data, begin + 11 + _table_size(data[begin + 9]))
                except IndexError:
                    position = len(data)  # cut short: its decoder says so
                duration = Fraction(int.from_bytes(control[1:3], "little"), 100)
                left, top, width, height = place
                frames.append(
                    GifFrame(left, top, width, height, duration, control[0] >> 2 & 7, control, begin, position)
                )
                control = bytes(4)
            else:
                found = _BEGINNING.search(data, begin)
                position = found.start() if found else len(data)
        whole = True
    except (IndexError, struct.error):
        whole = False
    return GifBlocks(tuple(frames), plays, whole)


def composed_frames(data: bytes, frames: Sequence[GifFrame]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield frame after frame as it is seen, `(H, W, 4)`, or `(H, W, 3)` where all of it is opaque.

    Raises:
        Exception: whatever Pillow raises where a frame is damaged.
    """
    width, height = canvas_size(data, frames)
    canvas = np.zeros((height, width, 4), np.uint8)
    for frame in frames:
        place = np.s_[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
        before = canvas[place].copy() if frame.disposal == RESTORE else None
        drawn = _decoded(data, frame)[: max(0, height - frame.top), : max(0, width - frame.left)]
        canvas[place] = np.where(drawn[..., 3:] > 0, drawn, canvas[place])
        yield canvas.copy() if canvas[..., 3].min() < 255 else canvas[..., :3].copy()
        if before is not None:
            canvas[place] = before
        elif frame.disposal == CLEAR:
            canvas[place] = 0


def canvas_size(data: bytes, frames: Sequence[GifFrame]) -> tuple[int, int]:
    """Return the width and height of what is seen: the screen, and all of the first frame."""
    width, height = struct.unpack_from("<HH", data, 6)
    if frames:
        width, height = max(width, frames[0].left + frames[0].width), max(height, frames[0].top + frames[0].height)
    return width, height


def _decoded(data: bytes, frame: GifFrame) -> npt.NDArray[np.uint8]:
    """Return the pixels of a frame by themselves, `(H, W, 4)`."""
    screen = struct.pack("<HH", frame.width, frame.height) + data[10 : _first_block(data)]
    control = b"!\xf9\x04" + bytes([frame.control[0] & 1]) + frame.control[1:] + b"\0"
    descriptor = struct.pack("<4H", 0, 0, frame.width, frame.height)
    rest = data[frame.begin + 9 : frame.end]
    alone = b"GIF89a" + screen + control + b"," + descriptor + rest + b";"
    image = image_file(alone)
    load(image)
    check_rows(image, alone)
    return np.asarray(image.convert("RGBA"))


def _first_block(data: bytes) -> int:
    return 13 + _table_size(data[10])


def _table_size(flags: int) -> int:
    """Return how many bytes a table of colours takes."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _behind(data: bytes, position: int) -> int:
    """Return what follows a row of pieces, each behind its length, of which the last is 0."""
    while data[position]:
        position += 1 + data[position]
    return position + 1
