"""Pixels, files and colour profiles for the tests, made from the specifications."""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

RNG = np.random.default_rng(7)
H, W = 19, 31
RGB = RNG.integers(0, 256, (H, W, 3), np.uint8)
RGBA = RNG.integers(0, 256, (H, W, 4), np.uint8)
DEEP = RNG.integers(0, 65536, (H, W, 3), np.uint16)
SMOOTH = np.stack(
    np.broadcast_arrays(np.linspace(20, 230, 64)[:, None], np.linspace(240, 30, 96), np.full((64, 96), 128.0)),
    -1,
).astype(np.uint8)


def encoded(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def levels(picture, top=255):
    """The integers that the floats of a picture stand for, after checking that they are exact."""
    whole = np.rint(picture.numpy().astype(np.float64) * top)
    np.testing.assert_array_equal(picture.numpy(), (whole / top).astype(np.float32))
    return whole.astype(int)


def png(width, height, depth, colour, rows, *extra):
    """A PNG from the specification, unfiltered, with chunks of one's own."""

    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [head, *(_chunk(*e) for e in extra), _chunk(b"IDAT", zlib.compress(data)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def profile(matrix=None, gamma=2.2):
    """A small ICC profile, version 2: three primaries (columns, XYZ at D50) or grey, with one gamma."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78) + b"\0"
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip((b"r", b"g", b"b"), np.asarray(matrix).T, strict=True):
            tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*column)
            tags[name + b"TRC"] = curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# Columns: the primaries of Adobe RGB (1998) and of sRGB, adapted to D50 (their specifications, Bradford).
ADOBE = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
SRGB = [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]


def exif_with(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Kamera"
    exif[0x8769] = {0x9003: "2024:05:01 10:00:00", 0xA002: 4000}
    return exif.tobytes()


def tiff(pixels, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def flat_gif(width, height):
    """A GIF whose screen is large and whose one frame is a pixel."""
    data = bytearray(encoded(Image.new("P", (1, 1)), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def flat_png(width, height):
    """A black PNG of one bit, as small as they come."""
    rows = zlib.compress(bytes((1 + -(-width // 8)) * height), 9)
    return png(width, height, 1, 0, []).replace(_chunk(b"IDAT", zlib.compress(b"")), _chunk(b"IDAT", rows))


def run_length_bmp(width, height):
    """A BMP of run-length coding that ends at once, or is padded, of a size of one's own."""
    palette = bytes(4 * 256)
    start = 54 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + 2, 0, 0, start)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2, 0, 0, 256, 0)
    return head + palette + b"\0\1"


def tall_tiff(height):
    """A TIFF of 16 bits that says it is taller than its strip."""
    data = bytearray(tiff(np.full((48, 48), 9, np.uint16)))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages[0].tags["ImageLength"]
        where = tag.valueoffset
    data[where : where + 4] = struct.pack("<I", height)
    return bytes(data)
