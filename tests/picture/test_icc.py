"""Colour profiles are converted to sRGB, smoothly at 16 bits, and what is sRGB keeps its bits."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, features

from impasto.picture import read

from .example_files import ADOBE, RGB, SMOOTH, SRGB, H, W, encoded, levels, png, profile, tiff


def srgb_curve(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_to_srgb(values):
    return srgb_curve((values.astype(float) ** (563 / 256)) @ np.array(ADOBE).T @ np.linalg.inv(SRGB).T)


def test_profiles_are_converted_to_srgb():
    picture = read(encoded(Image.fromarray(RGB), "PNG", icc_profile=profile(ADOBE, 563 / 256)))
    assert abs(picture.numpy() - adobe_to_srgb(RGB / 255)).max() < 1.5 / 255
    assert abs(picture.numpy() - RGB / 255).max() > 0.1


def test_16_bit_profiles_are_converted_smoothly():
    ramp = np.linspace(0.2, 0.3, 4000)[None, :, None] * np.array([1.0, 2.0, 1.5])
    deep = np.rint(ramp * 65535).astype(np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, deep, photometric="rgb", iccprofile=profile(ADOBE, 563 / 256))
    picture = read(out.getvalue())
    assert abs(picture.numpy() - adobe_to_srgb(deep / 65535)).max() < 1 / 255
    steps = np.diff(picture.numpy()[0], axis=0)
    assert abs(steps).max() < 0.2 / 255, "no banding"


def test_grey_profiles_are_converted_at_both_depths():
    linear = profile(None, 1.0)
    grey = np.arange(256, dtype=np.uint8)[None]
    shallow = read(encoded(Image.fromarray(grey), "PNG", icc_profile=linear))
    assert abs(shallow.numpy() - srgb_curve(grey / 255)[..., None]).max() < 1 / 255
    chunk = (b"iCCP", b"linear\0\0" + zlib.compress(linear))
    deep = read(png(256, 1, 16, 0, (grey.astype(np.uint16) * 257).astype(">u2"), chunk))
    assert abs(deep.numpy() - srgb_curve(grey / 255)[..., None]).max() < 1 / 255


def test_a_picture_in_srgb_keeps_its_bits():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (levels(read(encoded(Image.fromarray(RGB), "PNG", icc_profile=srgb))) == RGB).all()
    grey = Image.fromarray(RGB[..., 0])
    assert (levels(read(encoded(grey, "PNG", icc_profile=srgb))) == RGB[..., :1]).all()


def test_a_profile_that_does_not_fit_is_said_aloud():
    with pytest.warns(UserWarning, match="colour profile"):
        picture = read(encoded(Image.fromarray(RGB), "PNG", icc_profile=b"nonsense" * 40))
    assert (levels(picture) == RGB).all()
    with pytest.warns(UserWarning, match="colour profile"):
        read(encoded(Image.fromarray(RGB), "PNG", icc_profile=profile(None)))


P3 = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))


def test_gamma_and_primaries_of_a_png_are_converted():
    square = png(W, H, 8, 2, RGB, (b"gAMA", struct.pack(">I", 55556)))
    expected = srgb_curve((RGB / 255) ** 1.8)
    for picture in (read(square), read(Image.open(io.BytesIO(square)))):
        assert abs(picture.numpy() - expected).max() < 1.5 / 255
    deep = np.linspace(0, 65535, 256).astype(">u2")[None]
    linear = read(png(256, 1, 16, 0, deep, (b"gAMA", struct.pack(">I", 100000))))
    assert abs(linear.numpy()[0, :, 0] - srgb_curve(deep[0] / 65535)).max() < 0.1 / 255
    dark = read(png(256, 1, 16, 0, deep, (b"gAMA", struct.pack(">I", 55556))))
    assert abs(dark.numpy()[0, :, 0] - srgb_curve((deep[0] / 65535) ** 1.8)).max() < 1.5 / 255
    wide = read(png(W, H, 8, 2, RGB, (b"gAMA", struct.pack(">I", 45455)), P3))
    assert abs(wide.numpy() - p3_to_srgb(RGB / 255)).max() < 1.5 / 255
    assert wide.meta.icc


def p3_to_srgb(values):
    # ISO 22028 and CSS Color 4: linear Display P3 to linear sRGB.
    matrix = [[1.2249402, -0.2249402, 0], [-0.0420570, 1.0420570, 0], [-0.0196376, -0.0786361, 1.0982736]]
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return srgb_curve(linear @ np.array(matrix).T)


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"gAMA", struct.pack(">I", 45455))],
        [
            (b"gAMA", struct.pack(">I", 45000)),
            (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        ],
        [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100000))],
        [(b"cICP", bytes([1, 13, 0, 1])), P3, (b"gAMA", struct.pack(">I", 100000))],
        [(b"cICP", bytes([1, 1, 0, 1]))],
        [(b"cICP", bytes([2, 2, 0, 1]))],
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_states_srgb_keeps_its_bits(chunks):
    assert (levels(read(png(W, H, 8, 2, RGB, *chunks))) == RGB).all()


def test_codes_of_primaries_are_converted_and_a_high_dynamic_range_is_said():
    wide = read(png(W, H, 8, 2, RGB, (b"cICP", bytes([12, 13, 0, 1]))))
    assert abs(wide.numpy() - p3_to_srgb(RGB / 255)).max() < 0.006
    for transfer, curve in ((16, "PQ"), (18, "HLG")):
        with pytest.warns(UserWarning, match=rf"high dynamic range \({curve}\)"):
            picture = read(png(W, H, 8, 2, RGB, (b"cICP", bytes([9, transfer, 0, 1]))))
        assert (levels(picture) == RGB).all()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_codes_of_an_avif_are_converted():
    data = encoded(Image.fromarray(SMOOTH), "AVIF", quality=100, subsampling="4:4:4")
    plain = read(data).numpy()
    where = data.index(b"colrnclx") + 8

    def stating(primaries, transfer):
        return data[:where] + struct.pack(">HH", primaries, transfer) + data[where + 4 :]

    assert abs(read(stating(12, 13)).numpy() - p3_to_srgb(plain)).max() < 0.006
    with pytest.warns(UserWarning, match="PQ"):
        assert (read(stating(9, 16)).numpy() == plain).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_cameras_say_adobe_rgb_in_exif(form):
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    image = Image.fromarray(SMOOTH)
    options = {"quality": 100} if form in ("JPEG", "WEBP") else {}
    plain = read(encoded(image, form, **options))
    picture = read(encoded(image, form, exif=exif.tobytes(), **options))
    assert abs(picture.numpy() - adobe_to_srgb(plain.numpy())).max() < 1.5 / 255


def test_colours_that_cannot_be_are_said():
    for body in ([0] * 8, [31270, 32900, 64000, 33000, 64000, 33000, 15000, 6000], [2**32 - 1] * 8):
        with pytest.warns(UserWarning, match="cannot be"):
            picture = read(png(W, H, 8, 2, RGB, (b"cHRM", struct.pack(">8I", *body))))
        assert (levels(picture) == RGB).all()
    with pytest.warns(UserWarning, match="cannot be"):
        read(png(W, H, 8, 2, RGB, (b"gAMA", bytes(4))))


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_linear_light_is_converted_without_steps_in_the_darks(kind):
    light = np.linspace(0, 0.02, 3000)[None, :, None] * np.array([1.0, 0.7, 0.3])
    stored = np.rint(light * 65535).astype("u2") if kind == "u2" else light.astype("f4")
    picture = read(tiff(stored, photometric="rgb", iccprofile=profile(SRGB, 1.0)))
    values = stored / 65535 if kind == "u2" else stored
    assert abs(picture.numpy() - srgb_curve(values)).max() < 0.2 / 255
    wide = read(tiff(stored, photometric="rgb", iccprofile=profile(ADOBE, 1.0)))
    expected = srgb_curve(values @ np.array(ADOBE).T @ np.linalg.inv(SRGB).T)
    assert abs(wide.numpy() - expected).max() < 0.3 / 255
