"""Pictures read: every value is exact, nothing a folder holds is misread."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, features

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RGB, RGBA, SMOOTH, H, W, encoded, exif_with, levels


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_lossless_files_are_read_exactly(form):
    assert (levels(read(encoded(Image.fromarray(RGB), form))) == RGB).all()


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_lossy_files_are_read_as_pillow_decodes_them(form):
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    data = encoded(Image.fromarray(SMOOTH), form, quality=90)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert (levels(read(data)) == expected).all()
    assert abs(expected.astype(int) - SMOOTH).mean() < 5


def test_a_moving_gif_gives_its_first_frame():
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="holds 2 frames, of which the first is read"):
        assert (levels(read(data)) == [255, 0, 0]).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "YCbCr", "HSV", "La", "RGBa", "PA", "RGBX"])
def test_every_pillow_mode_becomes_the_colours_it_shows(mode):
    base = Image.fromarray(RGBA if mode in ("LA", "La", "RGBa", "PA") else RGBA[..., :3])
    image = {
        "La": lambda: base.convert("LA").convert("La"),
        "PA": lambda: base.convert("P").convert("PA"),
    }.get(mode, lambda: base.convert(mode))()
    straight = image.convert("LA") if mode == "La" else image.convert("RGBA") if mode == "RGBa" else image
    picture = read(image)
    assert (levels(picture) == np.asarray(straight.convert("RGBA"))[..., :3]).all()
    assert (picture.alpha is not None) == (mode in ("LA", "La", "RGBa", "PA"))


def test_transparent_palettes_and_colour_keys_become_alpha():
    palette = Image.fromarray(RGB).quantize(16)
    data = encoded(palette, "PNG", transparency=bytes([0, 128, *[255] * 14]))
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    picture = read(data)
    assert (levels(picture) == expected[..., :3]).all()
    assert (np.rint(picture.alpha[0, 0].numpy() * 255) == expected[..., 3]).all()
    assert len(np.unique(expected[..., 3])) == 3

    grey = read(encoded(Image.fromarray(RGB[..., 0]), "PNG", transparency=int(RGB[0, 0, 0])))
    assert (grey.alpha[0, 0].numpy() == (RGB[..., 0] != RGB[0, 0, 0])).all()


def test_reading_leaves_the_source_alone():
    tensor = torch.rand(3, H, W, requires_grad=True)
    picture = read(tensor)
    assert not picture.tensor.requires_grad
    picture.tensor.zero_()
    assert tensor.max() > 0.5
    image = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), "PNG", exif=exif_with(6))))
    read(image)
    assert image.getexif()[0x0112] == 6


def test_something_else_is_a_type_error():
    with pytest.raises(TypeError, match="cannot make a picture of a dict"):
        read({})
    with pytest.raises(TypeError, match="'rb'"):
        read(io.StringIO("text"))


def test_missing_files_suggest_the_nearest_name(tmp_path):
    (tmp_path / "harbour.jpg").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"did you mean '.*harbour\.jpg'"):
        read(tmp_path / "harbor.jpg")
    with pytest.raises(FileNotFoundError, match="no folder"):
        read(tmp_path / "nowhere" / "harbour.jpg")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read(str(tmp_path))
    with pytest.raises(PictureError, match="download"):
        read("https://example.org/harbour.jpg")
