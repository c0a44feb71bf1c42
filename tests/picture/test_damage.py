"""Damage that decoders pass over: a JPEG that lacks a part is said to, other files without their end are errors."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RGB, RNG, SMOOTH, H, W, encoded, png

NOISE = Image.fromarray(RNG.integers(0, 256, (120, 160, 3), np.uint8)).resize((161, 123), Image.Resampling.BILINEAR)

KINDS = {
    "plain": (NOISE, {}),
    "full colour": (NOISE, {"subsampling": 0, "quality": 95}),
    "grey": (NOISE.convert("L"), {}),
    "CMYK": (NOISE.convert("CMYK"), {}),
    "progressive": (NOISE, {"progressive": True}),
    "in intervals": (NOISE, {"restart_marker_blocks": 4}),
}


def taller(data):
    where = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    (height,) = struct.unpack_from(">H", data, where)
    return data[:where] + struct.pack(">H", height * 3 // 2) + data[where + 2 :]


DAMAGES = {
    "cut, with an end": lambda data: data[: len(data) // 2] + b"\xff\xd9",
    "a little cut, with an end": lambda data: data[: len(data) * 97 // 100] + b"\xff\xd9",
    "a third missing": lambda data: data[: len(data) // 3] + data[2 * len(data) // 3 :],
    "too tall": taller,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_jpeg_that_lacks_a_part_is_said_to(kind, damage):
    image, options = KINDS[kind]
    data = encoded(image, "JPEG", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(data)
    with pytest.warns(UserWarning, match=r"damaged(?s:.*)fresh copy"):
        read(DAMAGES[damage](data))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("grey", [0, 127, 128, 255])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}], ids=str)
def test_a_jpeg_that_is_flat_below_is_no_damage(grey, options):
    scan = np.full((200, 160, 3), grey, np.uint8)
    scan[:64, :96] = SMOOTH
    for image in (Image.fromarray(scan), Image.fromarray(scan).convert("L"), Image.fromarray(scan).convert("CMYK")):
        assert read(encoded(image, "JPEG", **options)).size == (200, 160)
    assert read(encoded(Image.fromarray(scan), "JPEG", **options) + b"what cameras append").size == (200, 160)


def test_a_jpeg_without_its_later_scans_is_said_to_be_blurred():
    data = encoded(NOISE, "JPEG", progressive=True)
    scans = [i for i in range(len(data)) if data[i : i + 2] == b"\xff\xda"]
    with pytest.warns(UserWarning, match="scans are missing"):
        read(data[: data.rfind(b"\xff\xc4", 0, scans[-1])] + b"\xff\xd9")


@pytest.mark.parametrize("colour", [0, 2])
def test_a_png_whose_data_end_too_early_is_an_error(colour):
    rows = RGB if colour == 2 else RGB[..., 0]
    for depth, pixels in ((8, rows), (16, rows.astype(">u2") * 257)):
        assert read(png(W, H, depth, colour, pixels)).size == (H, W)
        with pytest.raises(PictureError, match="last rows are missing"):
            read(png(W, H + 9, depth, colour, pixels))
        black = np.concatenate([pixels, pixels[:5] * 0])
        assert (read(png(W, H + 5, depth, colour, black)).tensor[:, :, H:] == 0).all()


def test_a_gif_that_ends_too_early_is_an_error():
    data = encoded(Image.fromarray(RGB[..., 0]), "GIF")
    frame = data.index(b",\0\0\0\0" + struct.pack("<HH", W, H))
    taller = data[:8] + struct.pack("<H", 3 * H) + data[10 : frame + 7] + struct.pack("<H", 3 * H) + data[frame + 9 :]
    with pytest.raises(PictureError, match="damaged"):
        read(taller)
    for color in range(0, 256, 51):
        flat = Image.new("P", (40, 30), color)
        flat.putpalette(bytes(range(256)) * 3)
        assert read(encoded(flat, "GIF")).size == (30, 40)


def test_an_interlaced_png_lacks_no_row():
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    grey = np.zeros((H, W), np.uint8)
    lines = [b"\0" + row.tobytes() for y, x, dy, dx in passes for row in grey[y::dy, x::dx] if row.size]
    whole, cut = (interlaced(b"".join(part)) for part in (lines, lines[:-3]))
    assert (read(whole).tensor == 0).all()
    with pytest.raises(PictureError, match="last rows are missing"):
        read(cut)


def interlaced(rows):
    data = png(W, H, 8, 0, [])
    head = data[12:28] + b"\1"
    body = b"IDAT" + zlib.compress(rows)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + chunk + data[-12:]
