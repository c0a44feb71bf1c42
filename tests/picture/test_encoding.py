"""Files written: what came in goes out, with alpha, EXIF and profile."""

import io

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, features

from impasto.errors import PictureError
from impasto.picture import read, write

from .example_files import ADOBE, DEEP, RGB, RGBA, RNG, SMOOTH, H, W, encoded, exif_with, levels, profile, tiff


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


WRITABLE = [
    *("a.jpg", "a.png", "a.webp", "a.tiff", "a.bmp"),
    pytest.param("a.avif", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")),
]


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_the_density_that_printers_read_goes_along(tmp_path, form, name):
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, 2
    options = {"exif": exif.tobytes()} if form == "WEBP" else {"dpi": (300, 150)}
    picture = read(encoded(Image.fromarray(SMOOTH), form, **options))
    assert picture.meta.density == (300, 150)
    for bits in (8, 16) if name in ("a.png", "a.tiff") else (8,):
        path = picture.save(tmp_path / name, bits=bits)
        assert read(path).meta.density == (300, 150)
        if name not in ("a.webp", "a.avif"):
            np.testing.assert_allclose([*map(float, Image.open(path).info["dpi"])], (300, 150), atol=0.02)
        plain = read(RGB).save(tmp_path / f"plain-{name}", bits=bits)
        assert read(plain).meta.density is None


def test_a_density_that_no_file_states_is_none_and_is_turned_with_the_picture():
    exif = Image.Exif()
    exif[0x010F] = "Kamera"
    assert read(encoded(Image.fromarray(SMOOTH), "JPEG", exif=exif.tobytes())).meta.density is None
    assert read(encoded(Image.fromarray(SMOOTH), "PNG", exif=exif_with(6), dpi=(300, 150))).meta.density == (150, 300)
    per_centimetre = tiff(RGB, photometric="rgb", resolution=(100, 100), resolutionunit="centimeter")
    assert read(per_centimetre).meta.density == (254, 254)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
def test_author_and_rights_go_along_in_their_own_letters(tmp_path, name):
    exif = Image.Exif()
    exif[0x8298] = "© Zoë Müller".encode()
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator><rdf:Seq><rdf:li>Zoë &amp; Co</rdf:li></rdf:Seq></dc:creator>'
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">not this</rdf:li></rdf:Alt></dc:rights></x:xmpmeta>'
    )
    picture = read(encoded(Image.fromarray(SMOOTH), "JPEG", exif=exif.tobytes(), xmp=xmp.encode()))
    data = picture.save(tmp_path / name).read_bytes()
    assert "© Zoë Müller".encode() in data
    assert "Zoë & Co".encode() in data
    assert b"not this" not in data


def test_exif_too_long_for_a_jpeg_is_left_out_and_said(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "words " * 20_000
    picture = read(encoded(Image.fromarray(SMOOTH), "PNG", exif=exif.tobytes()))
    with pytest.warns(UserWarning, match="too long for a JPEG"):
        written = picture.save(tmp_path / "a.jpg")
    assert read(written).size == picture.size
