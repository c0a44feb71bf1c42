"""PBM, PGM and PPM: every maximum value is white, exactly."""

import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RNG, H, W


def netpbm(values, white, plain):
    """A file from the specification: P2 and P3 as text, P5 and P6 in binary."""
    color = values.ndim == 3
    head = b"P%d\n# made by hand\n%d %d\n%d\n" % ((3 if color else 2) + 3 * (not plain), W, H, white)
    if plain:
        lines = [" ".join(map(str, row.ravel())) for row in values]
        return head + "# a comment, 7 8 9\n".join(f"{line}\n" for line in lines).encode()
    return head + values.astype("u1" if white < 256 else ">u2").tobytes()


@pytest.mark.parametrize("white", [1, 7, 100, 254, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_every_maximum_value_is_white(white, color, plain):
    values = RNG.integers(0, white + 1, (H, W, 3) if color else (H, W))
    picture = read(netpbm(values, white, plain))
    expected = np.broadcast_to((values if color else values[..., None]) / white, (H, W, 3))
    assert (picture.numpy() == expected.astype(np.float32)).all()
    assert picture.meta.bits == (8 if white < 256 else 16)


def test_plain_bits_need_no_spaces():
    bits = RNG.integers(0, 2, (H, W))
    text = b"".join(b"%d" % bit for bit in bits.ravel())
    assert (read(b"P1\n%d %d\n# 1 is black\n" % (W, H) + text).numpy()[..., 0] == 1 - bits).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"P2 2 2 7 1 2 3", "cut short"),
        (b"P5 2 2 1000 \0\1\0", "cut short"),
        (b"P6 2 2 7 \0\1\0", "cut short"),
        (b"P1 2 2 1 0 1", "cut short"),
        (b"P2 2 2 7 1 2 3 8", "over its maximum of 7"),
        (b"P5 2 2 7 \1\2\3\10", "over its maximum of 7"),
        (b"P3 1 1 7 1 x 3", "number is due"),
    ],
)
def test_what_is_missing_or_too_large_is_damage(data, words):
    with pytest.raises(PictureError, match=words):
        read(data)
