"""EXIF: what a file says of how a picture was taken, and which way is up."""

from __future__ import annotations

import html
import re
import warnings
from typing import Any

import numpy.typing as npt
from PIL import Image, TiffTags

from .formats import JPEGS

ORIENTATION = 0x0112
_ACROSS, _DOWN, _UNIT, _ARTIST, _COPYRIGHT = 0x011A, 0x011B, 0x0128, 0x013B, 0x8298
_INCHES = {2: 1.0, 3: 2.54, None: 1.0}  # in a unit of density; 1 is none
FOLDERS = {0x8769, 0x8825}
"""Tags that hold tags: how the picture was taken, and where."""

# Tags that tell how one file stores its pixels: true of the file read, wrong for the file written.
_STORAGE_TAGS = {*range(254, 267), 273, *range(277, 282), 284, *range(288, 294), 301, *range(317, 348)}
_STORAGE_TAGS |= {*range(512, 533), 700, 33723, 34377, 34675, 37724, 50341}
_STORAGE_TAGS_INSIDE = {0xA001, 0xA002, 0xA003, 0xA005}  # colour space, width, height, interoperability


def exif_and_orientation(image: Image.Image) -> tuple[bytes | None, int]:
    """Return the EXIF block to keep, which says nothing of the file's storage and is upright; and the orientation.

    A block that cannot be read is left out, with a warning.
    """
    orientation = 1
    try:
        given, exif = image.getexif(), Image.Exif()
        orientation = int(given.get(ORIENTATION, 1))
        for tag in given.keys() - _STORAGE_TAGS - FOLDERS:
            exif[tag] = as_stored(tag, given[tag])
        for tag in given.keys() & FOLDERS:
            inner = given.get_ifd(tag)
            if kept := inner.keys() - _STORAGE_TAGS_INSIDE:
                exif[tag] = {key: as_stored(key, inner[key]) for key in kept}
        for tag, text in _rights(image).items():
            if tag not in exif:
                exif[tag] = text
        if not exif:
            return None, orientation
        exif[ORIENTATION] = 1
        return exif.tobytes(), orientation
    except Exception as error:  # cameras and old programs write broken EXIF; the pixels are still good
        warnings.warn(f"the EXIF data is unreadable and left out: {error}", stacklevel=2)
        return None, orientation


def as_stored(tag: int, value: Any) -> Any:
    """Return the value of a tag whose text has the bytes it was read with; Pillow reads Latin-1, and writes ASCII."""
    text = isinstance(value, str) and not value.isascii() and TiffTags.lookup(tag).type == TiffTags.ASCII
    return value.encode("latin-1", "replace") if text else value


def _rights(image: Image.Image) -> dict[int, bytes]:
    """Return author and copyright of XMP, which else is not kept, as it tells of one file's history and storage."""
    xmp = image.info.get("xmp", image.info.get("XML:com.adobe.xmp", b""))
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    found = {}
    for tag, name in ((_ARTIST, "creator"), (_COPYRIGHT, "rights")):
        entry = re.search(rf"<dc:{name}>(.{{0,4000}}?)</dc:{name}>", text, re.DOTALL)
        items = re.findall(r"<rdf:li[^<>]{0,200}>([^<]+)</rdf:li>", entry[1]) if entry else []
        if items:
            found[tag] = html.unescape("; ".join(items)).encode()
    return found


def density(image: Image.Image) -> tuple[float, float] | None:
    """Return how many pixels an opened image has to the inch, across and down, by its file, or None.

    Pillow's own is made up for a JPEG whose EXIF states none.
    """
    if image.format in JPEGS:
        unit = {1: 2, 2: 3}.get(image.info.get("jfif_unit", 0))
        stated = (*image.info.get("jfif_density", (0, 0)), unit) if unit else None
    elif image.format in ("PNG", "BMP"):
        stated = (*image.info["dpi"], 2) if "dpi" in image.info else None
    else:
        stated = None
    try:
        if stated is None:
            exif = image.getexif()
            stated = exif[_ACROSS], exif[_DOWN], exif.get(_UNIT)
        across, down = (_whole(float(stated[i]) * _INCHES[stated[2]]) for i in range(2))
    except Exception:  # no such tags, or EXIF that cannot be read, which is said where it would be kept
        return None
    return (across, down) if min(across, down) >= 1 else None


def _whole(dots: float) -> float:
    """Return pixels to the inch as they were meant where a file counts them in whole ones to the metre."""
    whole = round(dots)  # raises an error for what is not finite
    return float(whole) if abs(dots - whole) < 0.0128 else dots


def with_density(block: bytes | None, dots: tuple[float, float]) -> bytes:
    """Return an EXIF block that also states how many pixels there are to the inch, across and down."""
    exif = Image.Exif()
    exif.load(block or b"")
    exif[_ACROSS], exif[_DOWN], exif[_UNIT] = *dots, 2
    return exif.tobytes()


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return pixels `(H, W, C)`, rotated and flipped by their EXIF orientation, 1 to 8, as a view."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    down, across = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return pixels[:: -1 if down else 1, :: -1 if across else 1]
