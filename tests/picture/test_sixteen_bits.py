"""Sixteen bits: every one of them is kept, in whatever order they lie."""

import io

import numpy as np
import pytest
import tifffile

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import DEEP, RNG, H, W, levels, png


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_every_bit(channels):
    pixels = RNG.integers(0, 65536, (H, W, channels), np.uint16)
    picture = read(png(W, H, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], pixels.astype(">u2")))
    colours = 3 if channels > 2 else 1
    assert (levels(picture, 65535) == pixels[..., :colours]).all()
    assert picture.meta.bits == 16
    if channels in (2, 4):
        assert (np.rint(picture.alpha[0, 0].double().numpy() * 65535) == pixels[..., -1]).all()
    else:
        assert picture.alpha is None


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3)])
def test_16_bit_png_colour_keys_compare_all_bits(colour, channels):
    pixels = np.tile(DEEP[:1, :1, :channels], (2, 2, 1))
    pixels[0, 0] ^= 1  # one low bit away from the transparent colour
    key = (b"tRNS", pixels[1, 1].astype(">u2").tobytes())
    assert read(png(2, 2, 16, colour, pixels.astype(">u2"), key)).alpha.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"tile": (16, 16)},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib"},
    ],
    ids=str,
)
def test_16_bit_tiff_keeps_every_bit(options):
    out = io.BytesIO()
    pixels = DEEP.transpose(2, 0, 1) if "planarconfig" in options else DEEP
    tifffile.imwrite(out, np.ascontiguousarray(pixels), photometric="rgb", **options)
    assert (levels(read(out.getvalue()), 65535) == DEEP).all()


def test_16_bit_tiff_with_alpha_and_in_grey():
    deep = RNG.integers(0, 65536, (H, W, 4), np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, deep, photometric="rgb", extrasamples=["unassalpha"])
    picture = read(out.getvalue())
    assert (levels(picture, 65535) == deep[..., :3]).all()
    assert (np.rint(picture.alpha[0, 0].double().numpy() * 65535) == deep[..., 3]).all()
    for photometric, expected in (("minisblack", DEEP[..., :1]), ("miniswhite", 65535 - DEEP[..., :1])):
        out = io.BytesIO()
        tifffile.imwrite(out, DEEP[..., 0], photometric=photometric)
        assert (levels(read(out.getvalue()), 65535) == expected).all(), photometric


@pytest.mark.parametrize("separate", [False, True])
def test_a_truncated_16_bit_tiff_is_an_error(separate):
    out = io.BytesIO()
    layout = {"planarconfig": "separate"} if separate else {}
    pixels = np.ascontiguousarray(DEEP.transpose(2, 0, 1)) if separate else DEEP
    tifffile.imwrite(out, pixels, photometric="rgb", **layout)
    with pytest.raises(PictureError, match="cut short"):
        read(out.getvalue()[:-900])
