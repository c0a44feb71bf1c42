"""Animations of which one knows every frame, written by Pillow or by hand."""

import io
import struct

import numpy as np
from PIL import Image

DURATIONS = [100, 20, 300, 40]
"""Milliseconds."""


def still(number, alpha=255):
    """A picture with a pattern of its own."""
    rows, columns = np.mgrid[:24, :32]
    pixels = np.stack(
        [rows * 8 + number, columns * 6, (rows + columns) * 3 + 20 * number, np.full_like(rows, alpha)], -1
    )
    return pixels.astype(np.uint8)


def transparent(number):
    """A few colours, of which a block that walks is not seen."""
    pixels = np.zeros((24, 32, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:12, :16, 0], pixels[12:, 16:, 1], pixels[12:, :16, 2] = 200, 180, 40 * number
    pixels[4:12, 4 * number : 4 * number + 8] = 0
    return pixels


def animated(form, pictures, durations=DURATIONS, **options):
    """Return the bytes of an animation, by Pillow."""
    out = io.BytesIO()
    first, *others = (Image.fromarray(pixels) for pixels in pictures)
    if form == "WEBP":
        options = {"lossless": True, "exact": True} | options
    if form != "TIFF":
        options["duration"] = durations
    if others:
        options |= {"save_all": True, "append_images": others}
    first.save(out, form, **options)
    return out.getvalue()


def gif(frames, size=(8, 8), background=0):
    """Return the bytes of a GIF, of frames (left, top, indices, disposal, transparent), in four colours."""
    colors = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    out = b"GIF89a" + struct.pack("<HHBBB", size[1], size[0], 0x81, background, 0) + colors
    for left, top, indices, disposal, transparent in frames:
        image = Image.fromarray(np.asarray(indices, np.uint8))
        image.putpalette(colors)
        alone = io.BytesIO()
        image.save(alone, "GIF", optimize=False, interlace=0)
        data = alone.getvalue()
        begin = 13 + (3 << (data[10] & 7) + 1)
        flags = disposal << 2 | (transparent is not None)
        out += b"!\xf9\x04" + struct.pack("<BHB", flags, 10, transparent or 0) + b"\0"
        out += b"," + struct.pack("<4H", left, top, image.width, image.height) + data[begin + 9 : -1]
    return out + b";"


def levels(picture):
    """Return a picture's colours and opacity as integers (H, W, 4)."""
    return np.array(picture.pil().convert("RGBA"))
