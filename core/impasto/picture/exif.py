"""EXIF: what a file says of how a picture was taken, and which way is up."""

from __future__ import annotations

import warnings

from PIL import Image
from torch import Tensor

ORIENTATION = 0x0112
FOLDERS = {0x8769, 0x8825}
"""Tags that hold tags: how the picture was taken, and where."""

# Tags that tell how one file stores its pixels: true of the file read, wrong for the file written.
_STORAGE_TAGS = {*range(254, 267), 273, *range(277, 282), 284, *range(288, 294), 301, *range(317, 348)}
_STORAGE_TAGS |= {*range(512, 533), 700, 33723, 34377, 34675, 50341}
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
            exif[tag] = given[tag]
        for tag in given.keys() & FOLDERS:
            inner = given.get_ifd(tag)
            if kept := inner.keys() - _STORAGE_TAGS_INSIDE:
                exif[tag] = {key: inner[key] for key in kept}
        if not exif:
            return None, orientation
        exif[ORIENTATION] = 1
        return exif.tobytes(), orientation
    except Exception as error:  # cameras and old programs write broken EXIF; the pixels are still good
        warnings.warn(f"the EXIF data is unreadable and left out: {error}", stacklevel=2)
        return None, orientation


def upright(tensor: Tensor, orientation: int) -> Tensor:
    """Return `(C, H, W)`, rotated and flipped by its EXIF orientation, 1 to 8, as `(1, C, H, W)`."""
    tensor = tensor[None]
    if orientation >= 5:
        tensor = tensor.mT
    flips = {2: [3], 3: [2, 3], 4: [2], 6: [3], 7: [2, 3], 8: [2]}.get(orientation, [])
    return tensor.flip(flips) if flips else tensor.contiguous()
