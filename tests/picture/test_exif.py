"""EXIF: pictures stand upright, and what was said of their making stays."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from impasto.picture import read

from .example_files import DEEP, RGB, SMOOTH, H, W, encoded, exif_with, levels, png


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_as_pillow_would(form, orientation):
    data = encoded(Image.fromarray(SMOOTH), form, exif=exif_with(orientation))
    image = Image.open(io.BytesIO(data))
    image.load()
    expected = np.asarray(ImageOps.exif_transpose(image))
    assert (levels(read(data)) == expected).all()
    assert (levels(read(Image.open(io.BytesIO(data)))) == expected).all()


def test_orientation_is_applied_to_16_bits():
    exif = exif_with(6).removeprefix(b"Exif\0\0")
    picture = read(png(W, H, 16, 2, DEEP.astype(">u2"), (b"eXIf", exif)))
    assert (levels(picture, 65535) == np.rot90(DEEP, -1)).all()


def test_broken_exif_is_said_aloud_and_the_picture_read():
    data = encoded(Image.fromarray(RGB), "PNG", exif=b"Exif\0\0XX*\0broken")
    with pytest.warns(UserWarning, match="EXIF"):
        assert (levels(read(data)) == RGB).all()
