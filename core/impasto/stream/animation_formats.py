"""Frames put together to GIF, PNG and WebP one by one, so that as much memory is needed for a thousand as for one.

Pillow encodes each frame; what is around the frames is written here, by the specifications, as Pillow's own writers
hold all of them.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from html import escape
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image

from ..picture import Metadata
from ..picture.chunks import PNG, WEBP, chunks, png_chunk
from ..picture.embedded_recipe import XMP_RECIPE, marked_recipe
from ..picture.encoding import file_bytes
from ..picture.gif import CLEAR, KEEP

Pixels = npt.NDArray[np.uint8]

OPAQUE = 128
"""Opacity, of 255, from which a pixel of a GIF is seen, which knows no other."""

SAMPLE = 8192
"""Pixels of which the colours of a GIF's frame are chosen."""

HIDDEN = 255
"""Index of the pixels that are not seen."""


class GifFrames:
    """Write the frames of a GIF (89a): each with its 256 colours, dithered where it has more.

    Args:
        file: open for writing, at its begin.
        size: height and width.
        plays: how often it is shown; 0 without end.
        meta: of the first frame, whose recipe goes along, and in PNG and WebP its profile and EXIF.
        quality: of WebP, 1 to 100.
    """

    tick = Fraction(1, 100)
    """Seconds in which it counts."""

    def __init__(self, file: BinaryIO, size: tuple[int, int], plays: int, meta: Metadata, quality: int) -> None:
        self._file = file
        height, width = size
        file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0))
        if plays != 1:
            file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(max(plays - 1, 0), 65535)) + b"\0")
        if meta.recipe:
            text = marked_recipe(meta.recipe).encode()
            pieces = (text[begin : begin + 255] for begin in range(0, len(text), 255))
            file.write(b"!\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0")

    def add(self, pixels: Pixels, duration: Fraction, cleared: bool) -> None:
        """Add a frame.

        Args:
            pixels: (H, W, 4).
            duration: in seconds, a multiple of the tick.
            cleared: whether nothing of it is left when the next is shown.
        """
        hidden = pixels[..., 3] < OPAQUE
        # Where a frame is cleared, readers look whether it knows transparency, or leave a colour behind.
        options: dict[str, Any] = {"transparency": HIDDEN} if cleared or hidden.any() else {}
        indices, colors = _palette(pixels[..., :3], hidden, HIDDEN if options else 256)
        image = Image.fromarray(indices)
        image.putpalette(colors.tobytes())
        milliseconds, disposal = min(int(duration * 1000), 655350), CLEAR if cleared else KEEP
        for part in GifImagePlugin.getdata(
            image, duration=milliseconds, disposal=disposal, include_color_table=True, **options
        ):
            self._file.write(part)

    def close(self) -> None:
        """Write the end."""
        self._file.write(b";")


def _palette(color: Pixels, hidden: npt.NDArray[np.bool_], room: int) -> tuple[Pixels, Pixels]:
    """Return the indices (H, W) of a picture, and its colours (256, 3), at most `room` of them different."""
    if hidden.any():  # what is not seen takes no colours
        seen = color[~hidden]
        color = np.where(hidden[..., None], seen[0] if len(seen) else 0, color).astype(np.uint8)
    image = Image.fromarray(color)
    if image.getcolors(room) is not None:  # few colours stay what they are
        packed = color.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        values, places = np.unique(packed, return_inverse=True)
        indices = places.reshape(packed.shape).astype(np.uint8)
        chosen = np.stack([values >> 16, values >> 8 & 255, values & 255], -1).astype(np.uint8)
    else:
        # Of a sample, the same ones in every frame: of all pixels, Pillow takes a second for a small picture.
        seen = color[~hidden]
        drawn = seen[np.random.default_rng(0).integers(0, len(seen), (SAMPLE // 64, 64))]
        few = Image.fromarray(drawn).quantize(room, Image.Quantize.MEDIANCUT, kmeans=1)
        chosen = np.array(few.getpalette(), np.uint8).reshape(-1, 3)[:room]
        few.putpalette(_filled(chosen).tobytes())
        indices = np.array(image.quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG))
        indices = np.minimum(indices, len(chosen) - 1)  # behind them their last is repeated
    return np.where(hidden, np.uint8(HIDDEN), indices), _filled(chosen)


def _filled(colors: Pixels) -> Pixels:
    """Return 256 colours, of which the last is repeated."""
    return np.concatenate([colors, np.repeat(colors[-1:], 256 - len(colors), 0)])


class PngFrames:
    """Write the frames of an animated PNG (third edition of the specification), each whole and without loss."""

    tick: Fraction | None = None

    def __init__(self, file: BinaryIO, size: tuple[int, int], plays: int, meta: Metadata, quality: int) -> None:
        self._file, self._size, self._plays, self._meta = file, size, plays, meta
        self._frames = self._number = 0

    def add(self, pixels: Pixels, duration: Fraction, cleared: bool) -> None:
        """Add a frame: see `GifFrames.add`."""
        first = not self._frames
        still = file_bytes(pixels, "PNG", 95, self._meta if first else Metadata(), self._meta.recipe if first else None)
        parts = [(kind, still[body]) for kind, body, _ in chunks(still, PNG, ">")]
        if first:
            self._file.write(still[:8])
            for kind, body in parts[: next(i for i, (kind, _) in enumerate(parts) if kind == b"IDAT")]:
                self._write(kind, body)
            self._count_at = self._file.tell()
            self._write_count()
        seconds = duration.limit_denominator(int(65535 / max(duration, Fraction(1))) or 1)
        delay = min(seconds.numerator, 65535), seconds.denominator
        place = self._next(), self._size[1], self._size[0], 0, 0, *delay, 0, 0  # stays, and replaces what was there
        self._write(b"fcTL", struct.pack(">IIIIIHHBB", *place))
        for kind, body in parts:
            if kind == b"IDAT":
                self._write(*((kind, body) if first else (b"fdAT", struct.pack(">I", self._next()) + body)))
        self._frames += 1

    def close(self) -> None:
        """Write the end, and at the begin how many frames there are."""
        self._write(b"IEND", b"")
        self._file.seek(self._count_at)
        self._write_count()

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _write_count(self) -> None:
        self._write(b"acTL", struct.pack(">II", self._frames, self._plays))

    def _write(self, kind: bytes, body: bytes) -> None:
        self._file.write(png_chunk(kind, body))


class WebpFrames:
    """Write the frames of an animated WebP (Google's container specification), each whole."""

    tick = Fraction(1, 1000)

    _ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02

    def __init__(self, file: BinaryIO, size: tuple[int, int], plays: int, meta: Metadata, quality: int) -> None:
        self._file, self._size, self._plays, self._meta, self._quality = file, size, plays, meta, quality
        self._flags = self._ANIMATION
        self._rest: list[tuple[bytes, bytes]] = []

    def add(self, pixels: Pixels, duration: Fraction, cleared: bool) -> None:
        """Add a frame: see `GifFrames.add`."""
        first = self._file.tell() == 0
        still = file_bytes(pixels, "WEBP", self._quality, self._meta if first else Metadata(), None)
        parts = [(kind, still[body]) for kind, body, _ in chunks(still, WEBP, "<")]
        height, width = self._size
        if first:
            said = dict(parts)
            self._rest = [(kind, said[kind]) for kind in (b"EXIF",) if kind in said]
            if self._meta.recipe:
                self._rest.append((b"XMP ", XMP_RECIPE.format(escape(self._meta.recipe, quote=False)).encode()))
            self._flags |= self._ICC * (b"ICCP" in said)
            self._flags |= self._EXIF * (b"EXIF" in said) | self._XMP * bool(self._meta.recipe)
            self._write_head()
            if b"ICCP" in said:
                self._write(b"ICCP", said[b"ICCP"])
            self._write(b"ANIM", struct.pack("<IH", 0, min(self._plays, 65535)))
        image = b"".join(_webp_chunk(kind, body) for kind, body in parts if kind in (b"ALPH", b"VP8 ", b"VP8L"))
        self._flags |= self._ALPHA * bool((pixels[..., 3] < 255).any())
        milliseconds = min(int(duration * 1000), 0xFFFFFF)
        head = (
            bytes(6) + _three(width - 1) + _three(height - 1) + _three(milliseconds) + b"\2"
        )  # replaces what was there
        self._write(b"ANMF", head + image)

    def close(self) -> None:
        """Write the end, and at the begin how long it is."""
        for kind, body in self._rest:
            self._write(kind, body)
        self._file.seek(0)
        self._write_head()

    def _write_head(self) -> None:
        here = self._file.tell()
        length = self._file.seek(0, 2)
        self._file.seek(here)
        height, width = self._size
        self._file.write(b"RIFF" + struct.pack("<I", max(0, length - 8)) + b"WEBP")
        self._write(b"VP8X", bytes([self._flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))

    def _write(self, kind: bytes, body: bytes) -> None:
        self._file.write(_webp_chunk(kind, body))


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
