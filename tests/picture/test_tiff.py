"""TIFF: floats, 16 bits and alpha however they lie, and an error in words for what has no one meaning."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import DEEP, RGB, RGBA, RNG, H, W, tiff

LAYOUTS = [
    {},
    {"byteorder": ">"},
    {"compression": "zlib"},
    {"compression": "zlib", "byteorder": ">", "rowsperstrip": 4},
    {"tile": (16, 16)},
    {"tile": (32, 16), "compression": "zlib"},
    {"bigtiff": True},
    {"planarconfig": "separate"},
    {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 5},
]


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u2"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_numbers_are_kept_however_they_lie(kind, layout):
    pixels = DEEP if kind == "u2" else (DEEP / 65535).astype(kind)
    stored = np.ascontiguousarray(pixels.transpose(2, 0, 1)) if "planarconfig" in layout else pixels
    picture = read(tiff(stored, photometric="rgb", **layout))
    expected = DEEP / 65535 if kind == "u2" else pixels
    assert (picture.numpy() == expected.astype(np.float32)).all()
    assert picture.meta.bits == 8 * pixels.dtype.itemsize
    assert picture.alpha is None


@pytest.mark.parametrize("kind", ["f4", "u2"])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("premultiplied", [False, True])
def test_alpha_is_opacity_at_every_depth(kind, colours, premultiplied):
    color, alpha = RNG.random((H, W, colours)), RNG.random((H, W, 1)) * 0.75 + 0.25
    stored = np.concatenate([color * alpha if premultiplied else color, alpha], -1)
    white = 65535 if kind == "u2" else 1
    data = tiff(
        (stored * white).round().astype(kind) if kind == "u2" else stored.astype(kind),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha" if premultiplied else "unassalpha"],
    )
    picture = read(data)
    step = 1 / 16 if kind == "u2" and premultiplied and colours == 3 else 1 / 8000  # read at 8 bits
    np.testing.assert_allclose(picture.numpy(), np.broadcast_to(color, (H, W, 3)), atol=step)
    np.testing.assert_allclose(picture.alpha[0, 0].numpy(), alpha[..., 0], atol=1 / 255)


def test_other_channels_than_alpha_are_passed_over():
    spots = np.dstack([DEEP, DEEP[..., :2]])
    picture = read(tiff(spots, photometric="rgb", planarconfig="contig", extrasamples=[0, 0]))
    assert (picture.numpy() == (DEEP / 65535).astype(np.float32)).all()
    assert picture.alpha is None


def test_white_may_be_zero():
    grey = DEEP[..., 0]
    for order in "<>":
        picture = read(tiff(grey, photometric="miniswhite", byteorder=order))
        assert (picture.numpy()[..., 0] == ((65535 - grey) / 65535).astype(np.float32)).all()
    picture = read(tiff((grey / 65535).astype("f4"), photometric="miniswhite"))
    np.testing.assert_allclose(picture.numpy()[..., 0], 1 - grey / 65535, atol=1e-7)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_floats_of_other_compressions_agree_with_pillow(compression):
    floats = (DEEP[..., 0] / 65535).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray(floats).save(out, "TIFF", compression=compression)
    assert (read(out.getvalue()).numpy()[..., 0] == floats).all()


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_differences_of_floats_are_undone(tile):
    """Predictor 3, which cameras' developers write: as Adobe's technical note has it, and as libtiff decodes it."""
    floats = (DEEP / 65535).astype(np.float32)
    for pixels in (floats[..., :1], floats):
        data = predicted(pixels, tile)
        assert (read(data).numpy() == pixels).all()
        if pixels.shape[-1] == 1:
            assert (np.asarray(Image.open(io.BytesIO(data))) == pixels[..., 0]).all()


def predicted(pixels, tile):
    """A deflated TIFF of floats with predictor 3."""

    def differences(block):
        rows = block.astype(">f4").view(np.uint8).reshape(len(block), -1, 4).transpose(0, 2, 1).reshape(len(block), -1)
        step = pixels.shape[-1]
        rows[:, step:] -= rows[:, :-step].copy()
        return np.ascontiguousarray(rows).view("<f4").reshape(block.shape)

    if tile:
        padded = np.zeros((-(-H // 16) * 16, -(-W // 16) * 16, pixels.shape[-1]), np.float32)
        padded[:H, :W] = pixels
        for y in range(0, len(padded), 16):
            for x in range(0, padded.shape[1], 16):
                padded[y : y + 16, x : x + 16] = differences(padded[y : y + 16, x : x + 16].copy())
        blocks = padded
    else:
        blocks = differences(pixels)
    photometric = "rgb" if pixels.shape[-1] == 3 else "minisblack"
    options = {"tile": tile} if tile else {}
    data = tiff(np.squeeze(blocks), photometric=photometric, compression="zlib", software=False, **options)
    data = bytearray(with_tags(data, {"ResolutionUnit": 3, "ImageWidth": W, "ImageLength": H}))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        where = file.pages[0].tags["ResolutionUnit"].offset
    data[where : where + 2] = (317).to_bytes(2, "little")  # the tag becomes the predictor
    return bytes(data)


def with_tags(data, values):
    """A TIFF with other values of some tags, in place."""
    data = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for name, value in values.items():
            tag = file.pages[0].tags[name]
            size = {3: 2, 4: 4}[tag.dtype]
            data[tag.valueoffset : tag.valueoffset + size] = value.to_bytes(size, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("pixels", "options", "words"),
    [
        ((RGB / 85).astype("f4"), {"photometric": "rgb"}, "from 0 to 3(?s:.*)divide it by its white"),
        ((RGB / 1.0).astype("f4"), {"photometric": "rgb"}, "divide it by 255"),
        ((RGB * 257.0).astype("f4"), {"photometric": "rgb"}, "divide it by 65535"),
        ((RGB / 255 - 0.5).astype("f4"), {"photometric": "rgb"}, "normalis"),
        (np.full((5, 6, 3), np.nan, "f4"), {"photometric": "rgb"}, "NaN"),
        (RGB[..., 0].astype("i4"), {}, "32-bit integers"),
        (RGB.astype("u4"), {"photometric": "rgb"}, "32-bit integers"),
        (RGB[..., 0].astype("i2"), {}, "signed"),
        (RGB[..., 0].astype("i1"), {}, "signed"),
        (DEEP, {"photometric": "cielab"}, "CIELAB"),
        (np.dstack([RGB, RGB]), {"photometric": "minisblack", "planarconfig": "contig"}, "6 × 8 bits"),
        (np.ascontiguousarray((RGBA.astype("u2")).transpose(2, 0, 1)), {"photometric": "separated"}, "CMYK"),
    ],
)
def test_what_has_no_one_meaning_is_said(pixels, options, words):
    options = {**options, "planarconfig": "separate"} if pixels.shape[0] == 4 else options
    with pytest.raises(PictureError, match=words):
        read(tiff(pixels, **options))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_a_height_over_the_strips_that_are_there_is_damage(kind, layout):
    pixels = RNG.random((H, W, 3)) if kind == "f4" else RNG.integers(0, 200, (H, W, 3))
    pixels = pixels.astype(kind)
    stored = np.ascontiguousarray(pixels.transpose(2, 0, 1)) if "planarconfig" in layout else pixels
    data = tiff(stored, photometric="rgb", **{**layout, "byteorder": "<"})
    with pytest.raises(PictureError, match=r"damaged(?s:.*)fresh copy"):
        read(with_tags(data, {"ImageLength": 10 * H}))
