"""Colour profiles are converted to sRGB, smoothly at 16 bits, and what is sRGB keeps its bits."""

import io
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from impasto.picture import read

from .example_files import ADOBE, RGB, SRGB, encoded, levels, png, profile


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
