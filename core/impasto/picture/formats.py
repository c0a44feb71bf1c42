"""The formats of files: which can be read, which written, and what each can hold."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from ..errors import PictureError
from ..validation import python_number

MAX_PIXELS = 178_956_970
"""Largest picture that is read unasked: a gibibyte of 16-bit RGB; over it, Pillow, too, suspects an attack."""

PLAIN_PIXELS, PIXELS_A_BYTE = 35_000_000, 1000
"""What is read unasked from however short a file, an empty page of A4 at 600 dpi; and beyond it, by its length."""

BYTES_A_PIXEL, OTHER_BYTES = 16, 1 << 26
"""Longest file that is read: for each pixel of the limit four floats, and for what else is in it 64 MiB."""

READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "PPM")
"""Formats by Pillow's names, in the order in which they are tried; without EPS, which would start Ghostscript."""

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
}
"""Formats by the suffix of their files."""

JPEGS = ("JPEG", "MPO")
"""Formats of JPEGs, of which an MPO, as telephones make it, holds several."""

HOLDS_ALPHA = {"PNG", "WEBP", "TIFF", "AVIF", "HEIF"}
HOLDS_16_BITS = {"PNG", "TIFF"}
INSTALLATION = {"AVIF": "pip install 'pillow>=11.3'", "HEIF": "pip install pillow-heif"}
"""What to type where a format is missing."""


def register_heif() -> None:
    """Let Pillow read and write HEIC, where the library for it is installed."""
    try:
        import pillow_heif  # only here: an optional package
    except ImportError:  # those who then miss the format say what to install
        return
    pillow_heif.register_heif_opener()


def check_format(path: str | os.PathLike[str], bits: int = 8, quality: int = 95) -> str:
    """Return the format that a path's suffix names, if it can be written with these options.

    Args:
        path: the file to be written; it is not looked at.
        bits: depth of a channel.
        quality: of lossy formats.

    Raises:
        PictureError: the suffix names no format, or one that cannot be written here or not with these options.

    Example:
        >>> check_format("painted.jpg")
        'JPEG'
    """
    path = Path(path)
    form = WRITABLE.get(path.suffix.lower())
    if form is None:
        raise PictureError(
            f"{path}: '{path.suffix}' names no format that can be written\n  what would work: {', '.join(WRITABLE)}"
        )
    if bits not in (8, 16) or (bits == 16 and form not in HOLDS_16_BITS):
        raise PictureError(
            f"{path}: {form} cannot hold {bits} bits\n  what would work: bits=8, or bits=16 with .png or .tiff"
        )
    if not 1 <= (python_number(quality, whole=True) or 0) <= 100:
        raise PictureError(
            f"{path}: quality = {quality!r} should be a whole number from 1 to 100\n  what would work: 95, the default"
        )
    Image.init()
    if form == "HEIF":
        register_heif()
    if form not in Image.SAVE:
        raise PictureError(
            f"{path}: this Pillow cannot write {form}\n  what would work: a name that ends in .png\n"
            f"  what to type: {INSTALLATION[form]}"
        )
    return form
