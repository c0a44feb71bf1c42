"""Files written: what came in goes out, with alpha, EXIF and profile."""

import io

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from impasto.errors import PictureError
from impasto.picture import read, write

from .example_files import ADOBE, DEEP, RGB, RGBA, RNG, SMOOTH, H, W, encoded, exif_with, levels, profile


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.PNG"])
def test_8_bits_go_out_as_they_came_in(tmp_path, name):
    path = read(RGB).save(tmp_path / name)
    assert (np.asarray(Image.open(path)) == RGB).all()
    assert (levels(read(path)) == RGB).all()


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_go_out_as_they_came_in(tmp_path, name, channels):
    deep = RNG.integers(0, 65536, (H, W, channels), np.uint16)
    path = read(deep).save(tmp_path / name, bits=16)
    if name == "a.tiff":
        assert (tifffile.imread(path) == deep).all()
    else:  # the high bytes, by an independent reader
        assert (np.asarray(Image.open(path)) == deep >> 8).all()
    again = read(path)
    assert (levels(again, 65535) == deep[..., :3]).all()
    assert (again.alpha is not None) == (channels == 4)


def test_16_bit_png_agrees_with_torchvision(tmp_path):
    io_ = pytest.importorskip("torchvision.io")
    path = read(DEEP).save(tmp_path / "a.png", bits=16)
    decoded = io_.decode_image(torch.from_numpy(np.fromfile(path, np.uint8)), mode="UNCHANGED")
    assert (decoded.permute(1, 2, 0).int().numpy() == DEEP).all()


@pytest.mark.parametrize(
    ("name", "bits"),
    [("a.jpg", 8), ("a.png", 8), ("a.webp", 8), ("a.tiff", 8), ("a.png", 16), ("a.tiff", 16)],
)
@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_exif_and_profile_go_along_and_stay_true(tmp_path, form, name, bits):
    data = encoded(Image.fromarray(SMOOTH), form, exif=exif_with(6), icc_profile=profile(ADOBE, 563 / 256))
    picture = read(data)
    assert picture.size == (96, 64)
    written = Image.open(picture.save(tmp_path / name, bits=bits))
    written.load()
    exif = written.getexif()
    assert written.size == (64, 96)
    assert exif.get(0x0112, 1) == 1
    assert exif[0x010F] == "Kamera"
    assert exif.get_ifd(0x8769)[0x9003] == "2024:05:01 10:00:00"
    assert 0xA002 not in exif.get_ifd(0x8769), "the old width is no longer true"
    icc = ImageCms.ImageCmsProfile(io.BytesIO(written.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(icc)
    again = read(tmp_path / name)
    if name.endswith((".png", ".tiff")):
        assert (again.tensor - picture.tensor).abs().max() < 0.6 / (2**bits - 1)


def test_a_picture_without_profile_gets_none(tmp_path):
    assert "icc_profile" not in Image.open(read(RGB).save(tmp_path / "a.png")).info


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tiff"])
def test_alpha_is_put_back(tmp_path, name):
    written = Image.open(read(RGBA).save(tmp_path / name))
    assert written.mode == "RGBA"
    assert (np.asarray(written)[..., 3] == RGBA[..., 3]).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp"])
def test_alpha_that_cannot_be_kept_is_blended_over_white_and_said(tmp_path, name):
    soft = np.full((32, 32, 4), 0, np.uint8)
    soft[..., 3] = 51
    with pytest.warns(UserWarning, match="white"):
        path = read(soft).save(tmp_path / name)
    assert abs(np.asarray(Image.open(path)).astype(int) - 204).max() <= 1


def test_quality_is_passed_on(tmp_path):
    sizes = [read(RGB).save(tmp_path / "a.jpg", quality=q).stat().st_size for q in (30, 95)]
    assert sizes[0] < sizes[1]


def test_what_a_format_cannot_hold_is_said(tmp_path):
    with pytest.raises(PictureError, match="WEBP cannot hold"):
        read(torch.zeros(3, 1, 16384)).save(tmp_path / "a.webp")
    with pytest.raises(TypeError, match="no Picture"):
        write(RGB, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
