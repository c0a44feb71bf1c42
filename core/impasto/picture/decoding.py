"""Files opened and decoded by Pillow, whatever limits and leniency other libraries have set for the process.

Pillow has two settings that hold for the whole process: a limit of size, over which `Image.open` warns and raises, and
`LOAD_TRUNCATED_IMAGES`, by which a damaged file becomes a half grey picture.  Both are passed by here, neither is
changed, so that threads need no lock: the limit is ours, and damage is always an error.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from ..errors import PictureError
from .formats import INSTALLATION, READABLE, register_heif


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
            f"{name}: could not be decoded ({error}); it is damaged, cut short or of a rare kind\n"
            "  what would work: a fresh copy, or the picture saved again as PNG or as 8-bit or 16-bit TIFF"
        ) from error


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise for a picture, of a size (width, height), that has no pixels or too many."""
    width, height = size
    if not width or not height:
        raise PictureError(
            f"{name}: {width} × {height}, a picture without pixels\n  what would work: one that has some"
        )
    if width * height > max_pixels:
        raise PictureError(
            f"{name}: {width} × {height}, {width * height:,} pixels, over the limit of {max_pixels:,}\n"
            f"  what to type: max_pixels={width * height}, if you trust the file"
        )


def image_file(data: bytes) -> ImageFile.ImageFile:
    """Return the image that a file's bytes hold, not yet decoded: check its size, then `load` it.

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
        try:
            return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Image.open: not this format after all
            continue
    raise UnidentifiedImageError(_what_instead(data))


def load(image: Image.Image) -> None:
    """Decode an image; raise an `OSError`, or what its decoder does, where it is damaged or cut short."""
    if isinstance(image, ImageFile.ImageFile):
        if isinstance(image, JpegImagePlugin.JpegImageFile) and image.fp is not None:
            # Its own reader ends files that are cut short with a marker.
            image.load_read = image.fp.read  # type: ignore[method-assign, assignment]
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile:
            # Where there is memory for the pixels, Pillow does not compare it with its limit.
            image.im = Image.new(image.mode, (image.tag_v2[256], image.tag_v2[257]), None).im
        # libtiff's is called by name, and always strict.
        image.tile = [tile if tile[0] == "libtiff" else _strict(tile) for tile in image.tile]
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
        name, *rest = args
        decoder = Image.DECODERS.get(name) or getattr(Image.core, f"{name}_decoder")  # type: ignore[attr-defined]
        self._decoder = decoder(self.mode, *rest)
        self._hungry = True

    @property
    def pulls_fd(self) -> bool:
        return bool(self._decoder.pulls_fd)

    def setfd(self, fd: Any) -> None:
        self._decoder.setfd(fd)

    def setimage(self, im: Any, extents: tuple[int, int, int, int] | None = None) -> None:
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


def _strict(tile: Any) -> Any:
    arguments = () if tile[3] is None else tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    tile = with_arguments(tile, (tile[0], *arguments))
    return tile._replace(codec_name=_STRICT) if hasattr(tile, "_replace") else (_STRICT, *tile[1:])


def _what_instead(data: bytes) -> str:
    if not data:
        return "is empty\n  what would work: a fresh copy of the file"
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis") and "AVIF" not in Image.OPEN:
        return f"is AVIF, which this Pillow cannot read\n  what to type: {INSTALLATION['AVIF']}"
    if brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1") and "HEIF" not in Image.OPEN:
        return f"is HEIC, which Pillow alone cannot read\n  what to type: {INSTALLATION['HEIF']}"
    return (
        "is not a picture that can be read, or it is damaged\n"
        "  what would work: JPEG, PNG, WebP, BMP, GIF, PPM, AVIF, HEIC, or TIFF of 8 or 16 bits"
    )
