"""Files opened and decoded by Pillow, whatever limits and leniency other libraries have set for the process.

Pillow has two settings that hold for the whole process: a limit of size, over which `Image.open` warns and raises, and
`LOAD_TRUNCATED_IMAGES`, by which a damaged file becomes a half grey picture.  Both are passed by here, neither is
changed, so that threads need no lock: the limit is ours, and damage is always an error.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ..errors import ParameterError, PictureError, quoted
from ..validation import python_number
from .formats import (
    BYTES_A_PIXEL,
    INSTALLATION,
    MAX_PIXELS,
    OTHER_BYTES,
    PIXELS_A_BYTE,
    PLAIN_PIXELS,
    READABLE,
    register_heif,
)
from .png import readable_png
from .stated_color import nclx


@contextmanager
def decoding_errors(name: str) -> Iterator[None]:
    """Turn whatever damaged files make decoders raise into a `PictureError` that names the file."""
    try:
        yield
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f"{name}: {error}") from error
    except Image.DecompressionBombError as error:
        # Left to Pillow, as they check while they open: WebP, and GIF frames that reach out of the picture.
        raise PictureError(
            f"{name}: over the limit that Pillow has in this program ({error})\n"
            "  what to type: PIL.Image.MAX_IMAGE_PIXELS = None, if you trust the file"
        ) from error
    except Exception as error:  # decoders raise nearly everything
        raise PictureError(
            f"{name}: could not be decoded ({quoted(str(error))}); it is damaged, cut short or of a rare kind\n"
            "  what would work: a fresh copy, or the picture saved again as PNG or as 8-bit or 16-bit TIFF"
        ) from error


def file_content(path: Path, max_pixels: int | None) -> bytes:
    """Return the bytes of a file, if it is not longer than a picture of that size may be.

    Raises:
        PictureError: it is longer.
    """
    length = path.stat().st_size
    _check_length(length, str(path), max_pixels)
    return path.read_bytes() if length else b""  # the kernel's files, some of which wait, have no length


def stream_content(stream: BinaryIO, name: str, max_pixels: int | None) -> bytes:
    """Return what an open file still has, if it is not longer than a picture of that size may be.

    Raises:
        PictureError: it is longer, or stands at its end.
        TypeError: it is open as text.
    """
    parts, length = [], 0
    part: Any = None
    while part != b"":
        part = stream.read(1 << 20)
        if not isinstance(part, bytes):
            raise TypeError("read: the file is open as text\n  what to type: open(path, 'rb')")
        parts.append(part)
        length += len(part)
        _check_length(length, name, max_pixels)
    if not length and hasattr(stream, "seekable") and stream.seekable() and stream.tell():
        raise PictureError(f"{name}: stands at its end, and has nothing left to read\n  what to type: file.seek(0)")
    return b"".join(parts)


def source_file(source: object) -> str | None:
    """Return the path of an open file or an opened image, kept like any other input; None where it has none."""
    if isinstance(source, Image.Image):
        name = getattr(source, "filename", None) or getattr(getattr(source, "fp", None), "name", None)
    else:
        name = getattr(source, "name", None) if hasattr(source, "read") else None
    return name if isinstance(name, str) and os.path.isfile(name) else None


def _check_length(length: int, name: str, max_pixels: int | None) -> None:
    limit = OTHER_BYTES + BYTES_A_PIXEL * _pixel_limit(max_pixels)
    if length > limit:
        raise PictureError(
            f"{name}: has {length:,} bytes or more, over the limit of {limit:,} for a picture\n"
            f"  what to type: max_pixels={-(-(length - OTHER_BYTES) // BYTES_A_PIXEL)}, if you trust the file"
        )


def _pixel_limit(max_pixels: Any) -> int:
    """Return how many pixels a picture may have."""
    limit = MAX_PIXELS if max_pixels is None else python_number(max_pixels, whole=True)
    if limit is None or limit < 1:
        raise ParameterError(
            f"max_pixels = {quoted(max_pixels)} does not fit\n  what would work: a whole number, such as 100_000_000"
        )
    return int(limit)


def check_size(size: tuple[int, int], name: str, max_pixels: int | None, length: int | None = None) -> None:
    """Raise for a picture that has no pixels, too many, or more than its file can be meant to hold.

    Args:
        size: width and height.
        name: what stands for it in messages.
        max_pixels: the limit, and the only one; None for `MAX_PIXELS` and what files of their length hold.
        length: of the file, in bytes; None where there is none.
    """
    width, height = size
    if not width or not height:
        raise PictureError(
            f"{name}: {width} × {height}, a picture without pixels\n  what would work: one that has some"
        )
    found, pixels = f"{name}: {width} × {height}, {width * height:,} pixels", width * height
    remedy = f"\n  what to type: max_pixels={pixels}, if you trust the file"
    limit = _pixel_limit(max_pixels)
    if pixels > limit:
        raise PictureError(f"{found}, over the limit of {limit:,}{remedy}")
    if max_pixels is None and length is not None and pixels > max(PLAIN_PIXELS, PIXELS_A_BYTE * length):
        raise PictureError(f"{found} in {length:,} bytes: damaged, or made to fill the memory{remedy}")


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF as Pillow opens it, or, where it knows no mode for the pixels, with its tags and its size alone."""

    known = True

    def _setup(self) -> None:
        try:
            super()._setup()
        except (SyntaxError, KeyError):
            size = self.tag_v2[256], self.tag_v2[257]
            if not all(isinstance(side, int) for side in size):
                raise
            self.known, self._mode, self._size, self.tile = False, "F", size, []
            if profile := self.tag_v2.get(34675):
                self.info["icc_profile"] = profile


def image_file(data: bytes, said: bool = False) -> ImageFile.ImageFile:
    """Return the image that a file's bytes hold, not yet decoded: check its size, then `load` it.

    Args:
        data: the bytes.
        said: whether the same bytes are opened elsewhere too, where what of them is left out is said.

    Raises:
        PIL.UnidentifiedImageError: no picture, or of a format that is not read; says what would work.
    """
    Image.init()
    if data[4:8] == b"ftyp":
        register_heif()
    for form in READABLE:
        factory, accept = Image.OPEN.get(form, (None, None))
        # A format that this Pillow was built without accepts by saying so.
        if factory is None or (accept and accept(data[:16]) is not True):
            continue
        told: dict[str, Any] = {}
        if form == "PNG":
            data, told = readable_png(data, said)
        elif form in ("AVIF", "HEIF"):
            told = {"nclx": nclx(data)}
        try:
            image = (TiffFile if form == "TIFF" else factory)(io.BytesIO(data), "")
            image.info.update(told)
            return image
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Image.open: not this format after all
            continue
    raise UnidentifiedImageError(_what_instead(data))


def load(image: Image.Image, blank: int = 0) -> None:
    """Decode an image, over pixels that are `blank`; raise what its decoder does where it is damaged or cut short."""
    if isinstance(image, ImageFile.ImageFile):
        if isinstance(image, JpegImagePlugin.JpegImageFile) and image.fp is not None:
            # Its own reader ends files that are cut short with a marker.
            image.load_read = image.fp.read  # type: ignore[method-assign, assignment]
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile:
            # Where there is memory for the pixels, Pillow does not compare it with its limit.
            image.im = Image.new(image.mode, (image.tag_v2[256], image.tag_v2[257]), None).im
        # libtiff's is called by name, and always strict.
        image.tile = [tile if tile[0] == "libtiff" else _strict(tile, blank) for tile in image.tile]
    image.load()


def raw_mode(tile: Any) -> str:
    """Return how the pixels of a tile lie in the file, by Pillow's name, such as `RGB;16B`."""
    return str(tile[3] if isinstance(tile[3], str) else tile[3][0])


def with_arguments(tile: Any, arguments: Any) -> Any:
    """Return a tile whose decoder gets other arguments."""
    # A named tuple since Pillow 11.
    return tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments)


def check_heif(data: bytes) -> None:
    """Raise for a HEIC that is cut short, which its plugin for Pillow passes over where Pillow is told to."""
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        import pillow_heif  # only here: an optional package

        pillow_heif.read_heif(data)


class _StrictDecoder(ImageFile.PyDecoder):
    """Another decoder of Pillow's, whose errors are raised here, before Pillow decides whether to mind them."""

    def init(self, args: tuple[Any, ...]) -> None:
        name, self._blank, *rest = args
        decoder = Image.DECODERS.get(name) or getattr(Image.core, f"{name}_decoder")  # type: ignore[attr-defined]
        self._decoder = decoder(self.mode, *rest)
        self._hungry = True

    @property
    def pulls_fd(self) -> bool:
        return bool(self._decoder.pulls_fd)

    def setfd(self, fd: Any) -> None:
        self._decoder.setfd(fd)

    def setimage(self, im: Any, extents: tuple[int, int, int, int] | None = None) -> None:
        if self._blank:
            im.paste(self._blank, extents or (0, 0, *im.size))
        self._decoder.setimage(im, extents)

    def decode(self, buffer: Any) -> tuple[int, int]:
        self._hungry = False
        consumed, status = self._decoder.decode(buffer)
        if status < 0:
            raise OSError(ImageFile.ERRORS.get(status, f"decoder error {status}"))
        self._hungry = consumed >= 0 and not self.pulls_fd
        return consumed, status

    def cleanup(self) -> None:
        self._decoder.cleanup()
        if self._hungry:
            raise OSError("image file is truncated")


# Another entry in Pillow's table of decoders, under a name that no file can ask for.
_STRICT = "impasto-strict"
Image.register_decoder(_STRICT, _StrictDecoder)


def _strict(tile: Any, blank: int) -> Any:
    arguments = () if tile[3] is None else tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    tile = with_arguments(tile, (tile[0], blank, *arguments))
    return tile._replace(codec_name=_STRICT) if hasattr(tile, "_replace") else (_STRICT, *tile[1:])


_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")


def _what_instead(data: bytes) -> str:
    if not data:
        return "is empty\n  what would work: a fresh copy of the file"
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in _AVIF_BRANDS and "AVIF" not in Image.OPEN:
        return f"is AVIF, which this Pillow cannot read\n  what to type: {INSTALLATION['AVIF']}"
    if brand in _HEIF_BRANDS and "HEIF" not in Image.OPEN:
        return f"is HEIC, which Pillow alone cannot read\n  what to type: {INSTALLATION['HEIF']}"
    if is_video(data):
        return "is a video, and no picture\n  what would work: one of its frames, saved as PNG or JPEG"
    return (
        "is not a picture that can be read, or it is damaged\n"
        "  what would work: JPEG, PNG, WebP, BMP, GIF, PPM, AVIF, HEIC, or TIFF of 8 or 16 bits or floats"
    )


def is_video(head: bytes) -> bool:
    """Return whether a file begins as videos do that are no pictures in the same container."""
    moving = head[4:8] == b"ftyp" and head[8:12] not in (*_AVIF_BRANDS, *_HEIF_BRANDS)
    return moving or head[:4] in (b"\x1aE\xdf\xa3", b"\0\0\1\xba") or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
