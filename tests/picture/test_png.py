"""PNG: metadata that Pillow would refuse the picture for is left out, with a warning, and nothing else is."""

import struct
import zlib

import numpy as np
import pytest
from PIL import PngImagePlugin

from impasto import Pipeline
from impasto.picture import read

from .example_files import ADOBE, RGB, RNG, H, W, levels, png, profile

LONG = b"a page of notes " * 100_000  # 1.6 MB


def compressed_text(key, text):
    return (b"iTXt", key + b"\0\1\0\0\0" + zlib.compress(text))


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([compressed_text(b"notes", LONG)], "iTXt 'notes' is too long"),
        ([(b"zTXt", b"notes\0\0" + zlib.compress(LONG))], "zTXt 'notes' is too long"),
        ([(b"tEXt", b"notes\0" + LONG)], "tEXt 'notes' is too long"),
        ([(b"zTXt", b"%d\0\0" % i + zlib.compress(LONG[:1_000_000])) for i in range(70)], "is too long"),
        ([(b"zTXt", b"notes\0\7" + zlib.compress(b"in another way"))], "zTXt 'notes'"),
        ([(b"pHYs", b"\0\1")], "pHYs is too short"),
        ([(b"gAMA", b"")], "gAMA is too short"),
        ([(b"iCCP", b"name\0\0not packed")], "iCCP cannot be unpacked"),
        ([(b"iCCP", b"name\0\0" + zlib.compress(profile(ADOBE, 563 / 256) + bytes(1 << 25)))], "iCCP .* is too long"),
        ([compressed_text(b"\x1b]0;owned\x07", LONG)], r"\\x1b"),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_metadata_over_a_limit_leaves_the_picture(chunks, words, behind):
    data = png(W, H, 8, 2, RGB, *chunks)
    if behind:  # some programs write it after the pixels
        head, rest = data[:33], data[33:]
        pixels = rest[rest.index(b"IDAT") - 4 : -12]
        data = head + pixels + rest[: rest.index(b"IDAT") - 4] + data[-12:]
    with pytest.warns(UserWarning, match=words):
        picture = read(data)
    assert (levels(picture) == RGB).all()
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1 << 20


def test_a_damaged_text_leaves_the_picture():
    data = bytearray(png(W, H, 8, 2, RGB, (b"tEXt", b"notes\0something")))
    data[data.index(b"something")] ^= 1
    with pytest.warns(UserWarning, match="tEXt 'notes' is damaged"):
        assert (levels(read(bytes(data))) == RGB).all()


@pytest.mark.parametrize(("depth", "color", "channels"), [(8, 2, 3), (16, 2, 3), (16, 4, 2)])
@pytest.mark.parametrize("how", [read, lambda data: list(Pipeline().stream(data))])
def test_what_is_left_out_is_said_once(depth, color, channels, how):
    pixels = np.zeros((H, W, channels), np.uint8 if depth == 8 else ">u2")  # flat, so that it is decoded twice
    with pytest.warns(UserWarning, match="left out") as caught:
        how(png(W, H, depth, color, pixels, (b"gAMA", b"")))
    assert ["gAMA is too short" in str(each.message) for each in caught] == [True]


@pytest.mark.filterwarnings("error")
def test_long_profiles_are_used():
    padded = profile(ADOBE, 563 / 256)
    padded = struct.pack(">I", len(padded) + 2_000_000) + padded[4:] + RNG.bytes(2_000_000)
    small, large = (
        read(png(W, H, 8, 2, RGB, (b"iCCP", b"x\0\0" + zlib.compress(icc))))
        for icc in (profile(ADOBE, 563 / 256), padded)
    )
    assert large.tensor.equal(small.tensor)
    assert not (levels(read(png(W, H, 8, 2, RGB))) == np.rint(small.numpy() * 255)).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_colour_keys_are_found_at_every_depth(depth):
    top = 2**depth - 1
    values = RNG.integers(0, top + 1, (H, W))
    bits = (values[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.reshape(H, -1).astype(np.uint8), axis=1)
    for key in (0, 1, top):
        picture = read(png(W, H, depth, 0, packed, (b"tRNS", struct.pack(">H", key))))
        assert (picture.alpha[0, 0].numpy() == (values != key)).all()
        assert (picture.numpy()[..., 0] == (values / top).astype(np.float32)).all()
