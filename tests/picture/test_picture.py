"""Pictures in and out: values are exact, nothing a folder holds is misread, nothing kept is overwritten."""

import io
import os
import pickle
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, ImageFile, ImageOps, PngImagePlugin, features

from impasto.errors import PictureError
from impasto.picture import Interrupted, Metadata, Picture, read, read_recipe, write

RNG = np.random.default_rng(7)
H, W = 19, 31
RGB = RNG.integers(0, 256, (H, W, 3), np.uint8)
RGBA = RNG.integers(0, 256, (H, W, 4), np.uint8)
DEEP = RNG.integers(0, 65536, (H, W, 3), np.uint16)
SMOOTH = np.stack(
    np.broadcast_arrays(np.linspace(20, 230, 64)[:, None], np.linspace(240, 30, 96), np.full((64, 96), 128.0)),
    -1,
).astype(np.uint8)


def encoded(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def levels(picture, top=255):
    """The integers that the floats of a picture stand for, after checking that they are exact."""
    whole = np.rint(picture.numpy().astype(np.float64) * top)
    np.testing.assert_array_equal(picture.numpy(), (whole / top).astype(np.float32))
    return whole.astype(int)


def png(width, height, depth, colour, rows, *extra):
    """A PNG from the specification, unfiltered, with chunks of one's own."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [head, *(chunk(*e) for e in extra), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def profile(matrix=None, gamma=2.2):
    """A small ICC profile, version 2: three primaries (columns, XYZ at D50) or grey, with one gamma."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78) + b"\0"
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip((b"r", b"g", b"b"), np.asarray(matrix).T, strict=True):
            tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*column)
            tags[name + b"TRC"] = curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# Columns: the primaries of Adobe RGB (1998) and of sRGB, adapted to D50 (their specifications, Bradford).
ADOBE = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
SRGB = [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]


def srgb_curve(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_to_srgb(values):
    return srgb_curve((values.astype(float) ** (563 / 256)) @ np.array(ADOBE).T @ np.linalg.inv(SRGB).T)


# Values


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


# Arrays and tensors


@pytest.mark.parametrize(
    "array",
    [
        RGB,
        RGB.transpose(2, 0, 1),
        RGB[None],
        RGB.transpose(2, 0, 1)[None],
        RGB / 255.0,
        (RGB / 255.0).astype(np.float32).astype(">f4"),
        RGB.astype(np.uint16) * 257,
        (RGB.astype(np.uint16) * 257).astype(">u2"),
        RGB[:, ::-1][:, ::-1],
        torch.from_numpy(RGB).permute(2, 0, 1),
        torch.from_numpy(RGB).permute(2, 0, 1)[None].double() / 255,
    ],
    ids=lambda a: f"{type(a).__name__} {a.dtype} {tuple(a.shape)}",
)
def test_arrays_and_tensors_hold_the_same_picture(array):
    np.testing.assert_allclose(read(array).numpy(), RGB / np.float32(255), atol=1e-7)


def test_grey_arrays_become_three_equal_channels():
    grey = RGB[..., 0]
    tensor = torch.from_numpy(grey)
    for source in (grey, grey[..., None], grey[None], tensor, tensor[None], tensor[None, None]):
        assert (levels(read(source)) == grey[..., None]).all()
    assert read(grey > 100).tensor.unique().tolist() == [0, 1]


def test_four_channels_carry_alpha_and_a_batch_keeps_its_length():
    picture = read(np.stack([RGBA, RGBA[::-1]]))
    assert picture.batch == len(picture) == 2
    assert [p.batch for p in picture] == [1, 1]
    second = list(picture)[1]
    assert (np.rint(second.alpha[0, 0].numpy() * 255) == RGBA[::-1, :, 3]).all()
    assert read(picture) is picture
    assert read(picture.numpy()).tensor.equal(picture.tensor)


def test_reading_leaves_the_source_alone():
    tensor = torch.rand(3, H, W, requires_grad=True)
    picture = read(tensor)
    assert not picture.tensor.requires_grad
    picture.tensor.zero_()
    assert tensor.max() > 0.5
    image = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), "PNG", exif=exif_with(6))))
    read(image)
    assert image.getexif()[0x0112] == 6


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros((5, 6, 3), np.int64), ["int64", "uint8"]),
        (torch.zeros(3, 5, 6, dtype=torch.int64), ["int64", "uint8"]),
        (np.zeros((5, 6, 2), np.uint8), ["(5, 6, 2)", "(H, W)"]),
        (np.zeros((5, 6, 5), np.uint8), ["(5, 6, 5)"]),
        (torch.zeros(5, 6, 3), ["(5, 6, 3)", "movedim"]),
        (torch.zeros(2, 3, 5, 6, 7), ["(2, 3, 5, 6, 7)"]),
        (np.zeros((3, 9, 3), np.uint8), ["(3, 9, 3)", "torch.from_numpy"]),
        (np.full((5, 6, 3), 200.0), ["200", "255"]),
        (np.full((5, 6, 3), -1.5), ["-1.5", "normalis"]),
        (np.full((5, 6, 3), np.nan), ["NaN"]),
        (torch.full((3, 5, 6), torch.inf), ["infinity"]),
        (np.zeros((0, 6, 3), np.uint8), ["no pixels"]),
        (np.array(["a"]), ["uint8"]),
        (np.zeros((5, 6, 3), complex), ["complex"]),
        (Image.new("RGB", (0, 4)), ["without pixels"]),
        (Image.new("I", (3, 4)), ["32-bit", "white"]),
        (Image.new("F", (3, 4), 7.0), ["from 7"]),
    ],
    ids=lambda v: None if isinstance(v, list) else type(v).__name__,
)
def test_values_and_shapes_without_one_meaning_are_refused(source, words):
    with pytest.raises(PictureError) as caught:
        read(source)
    for word in words:
        assert word in str(caught.value)


def test_something_else_is_a_type_error():
    with pytest.raises(TypeError, match="cannot make a picture of a dict"):
        read({})
    with pytest.raises(TypeError, match="'rb'"):
        read(io.StringIO("text"))


# Files that are not what they should be


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


def test_what_is_no_picture_is_named(tmp_path):
    note = tmp_path / "note.jpg"
    note.write_text("dear diary")
    with pytest.raises(PictureError, match=r"note\.jpg.*not a picture"):
        read(note)
    with pytest.raises(PictureError, match="empty"):
        read(b"")


def test_heic_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(PictureError, match="pip install pillow-heif"):
        read(b"\0\0\0\x18ftypheic" + bytes(40))


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("GIF", {}),
        ("PPM", {}),
    ],
    ids=str,
)
def test_a_truncated_file_is_an_error_and_never_half_grey(form, options, part, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # other libraries switch this on
    noise = Image.fromarray(RNG.integers(0, 256, (120, 160, 3), np.uint8))
    data = encoded(noise, form, **options)
    with pytest.raises(PictureError, match=r"damaged|cut short"):
        read(data[: int(len(data) * part)])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("separate", [False, True])
def test_a_truncated_16_bit_tiff_is_an_error(separate):
    out = io.BytesIO()
    layout = {"planarconfig": "separate"} if separate else {}
    pixels = np.ascontiguousarray(DEEP.transpose(2, 0, 1)) if separate else DEEP
    tifffile.imwrite(out, pixels, photometric="rgb", **layout)
    with pytest.raises(PictureError, match="cut short"):
        read(out.getvalue()[:-900])


def test_absurdly_large_pictures_are_refused_before_decoding():
    bomb = png(60000, 60000, 8, 2, [])
    with pytest.raises(PictureError, match=r"60000 × 60000(?s:.*)max_pixels=3600000000"):
        read(bomb)
    small = encoded(Image.fromarray(RGB), "PNG")
    with pytest.raises(PictureError, match="over the limit of 100"):
        read(small, max_pixels=100)
    assert read(small, max_pixels=H * W).size == (H, W)


def test_the_limit_can_be_raised_past_pillows_own(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read(encoded(Image.fromarray(RGB), "PNG")).size == (H, W)
    assert Image.MAX_IMAGE_PIXELS == 10


# Orientation, EXIF, colour profiles


def exif_with(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Kamera"
    exif[0x8769] = {0x9003: "2024:05:01 10:00:00", 0xA002: 4000}
    return exif.tobytes()


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


def test_broken_exif_is_said_aloud_and_the_picture_read():
    data = encoded(Image.fromarray(RGB), "PNG", exif=b"Exif\0\0XX*\0broken")
    with pytest.warns(UserWarning, match="EXIF"):
        assert (levels(read(data)) == RGB).all()


# Writing


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


@pytest.mark.parametrize("how", ["path", "link", "hardlink", "dots"])
def test_the_file_a_picture_came_from_is_never_overwritten(tmp_path, how):
    source = tmp_path / "content.png"
    Image.fromarray(RGB).save(source)
    before = source.read_bytes()
    target = {"path": source, "dots": tmp_path / ".." / tmp_path.name / "content.png"}.get(how, tmp_path / "o.png")
    if how == "link":
        target.symlink_to(source)
    if how == "hardlink":
        os.link(source, target)
    with pytest.raises(PictureError, match="made from"):
        read(source).save(target)
    with pytest.raises(PictureError, match="made from"):
        write(read(RGB), target, keep=[source])
    with open(source, "rb") as stream, pytest.raises(PictureError, match="made from"):
        read(stream).save(target)
    assert source.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = read(RGB).save(tmp_path / "a.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        read(RGB[::-1]).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_new_files_have_ordinary_permissions_and_links_stay_links(tmp_path):
    (tmp_path / "plain").touch()
    real = read(RGB).save(tmp_path / "real.png")
    assert real.stat().st_mode == (tmp_path / "plain").stat().st_mode
    link = tmp_path / "link.png"
    link.symlink_to(real)
    read(RGB[::-1]).save(link)
    assert link.is_symlink()
    assert (levels(read(real)) == RGB[::-1]).all()


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("a.xyz", {}, PictureError, ".png"),
        ("a", {}, PictureError, ".png"),
        ("a.jpg", {"bits": 16}, PictureError, "bits=8"),
        ("a.png", {"bits": 12}, PictureError, "bits=16"),
        ("a.jpg", {"quality": 0}, PictureError, "1 to 100"),
        ("nowhere/a.png", {}, FileNotFoundError, "no folder"),
        ("folder.png", {}, IsADirectoryError, "is a folder"),
        ("there.png", {"overwrite": False}, FileExistsError, "overwrite=True"),
        ("a.png", {"recipe": True}, PictureError, "recipe"),
    ],
)
def test_what_cannot_be_written_is_refused_with_advice(tmp_path, name, options, error, words):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").touch()
    with pytest.raises(error) as caught:
        read(RGB).save(tmp_path / name, **options)
    assert words in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def test_batches_and_non_finite_values_are_refused(tmp_path):
    with pytest.raises(PictureError, match=r"for i, p in enumerate\(picture\)"):
        read(np.stack([RGB, RGB])).save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="NaN"):
        Picture(torch.full((1, 3, 4, 4), torch.nan)).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_what_a_format_cannot_hold_is_said(tmp_path):
    with pytest.raises(PictureError, match="WEBP cannot hold"):
        read(torch.zeros(3, 1, 16384)).save(tmp_path / "a.webp")
    with pytest.raises(TypeError, match="no Picture"):
        write(RGB, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


# Recipes

RECIPE = 'stages = ["adain"]  # Zürich\n'


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("recipe", [None, True])
def test_a_png_carries_its_recipe(tmp_path, bits, recipe):
    path = read(RGB).replace(meta=Metadata(recipe=RECIPE)).save(tmp_path / "a.png", bits=bits, recipe=recipe)
    assert read_recipe(path) == RECIPE
    assert read(path).meta.recipe == RECIPE
    assert Image.open(path).text["impasto"] == RECIPE
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_other_formats_have_it_beside_them_when_asked(tmp_path):
    painted = read(RGB).replace(meta=Metadata(recipe=RECIPE))
    path = painted.save(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"no recipe.*a\.jpg\.toml"):
        read_recipe(path)
    painted.save(path, recipe=True)
    assert read_recipe(path) == read_recipe(tmp_path / "a.jpg.toml") == RECIPE
    with pytest.raises(PictureError, match="no recipe"):
        read_recipe(painted.save(tmp_path / "b.png", recipe=False))
    with pytest.raises(PictureError, match="made from"):
        painted.save(path, recipe=True, keep=[tmp_path / "a.jpg.toml"])


def test_a_recipe_behind_the_pixels_is_found_and_a_bomb_refused(tmp_path):
    plain = encoded(Image.fromarray(RGB), "PNG")
    body = b"impasto\0\0\0\0\0" + RECIPE.encode()
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    late = tmp_path / "late.png"
    late.write_bytes(plain[:-12] + chunk + plain[-12:])
    assert read_recipe(late) == RECIPE
    for name, compress in (("zipped", True), ("plain", False)):
        info = PngImagePlugin.PngInfo()
        info.add_itxt("impasto", "a" * 5_000_000, zip=compress)
        bomb = tmp_path / f"{name}.png"
        bomb.write_bytes(encoded(Image.fromarray(RGB), "PNG", pnginfo=info))
        with pytest.raises(PictureError):
            read_recipe(bomb)


# The object


def test_the_text_form_is_stable():
    assert repr(Picture(torch.full((1, 3, 256, 384), 0.5))) == "Picture(256×384, mean 0.50 0.50 0.50)"
    stopped = Picture(torch.full((4, 3, 8, 9), -1e-4), interrupted=Interrupted("gatys", 31, 300))
    assert repr(stopped) == "Picture(4 of 8×9, mean 0.00 0.00 0.00, interrupted at step 31 of 300)"


def test_it_turns_into_what_others_expect():
    picture = read(RGBA)
    assert picture.size == (H, W)
    assert np.asarray(picture).shape == (H, W, 3)
    assert np.asarray(picture, dtype=np.float64).dtype == np.float64
    assert (np.asarray(picture.pil()) == RGBA).all()
    assert pickle.loads(pickle.dumps(picture)).tensor.equal(picture.tensor)
    assert read(picture.pil()).tensor.equal(picture.tensor)


def test_a_notebook_shows_a_batch_as_a_row_of_sensible_size():
    batch = Picture(torch.rand(3, 3, 400, 500))
    shown = Image.open(io.BytesIO(batch._repr_png_()))
    assert shown.size == (1024, 273)
    assert Image.open(io.BytesIO(read(RGB)._repr_png_())).size == (W, H)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((torch.zeros(3, 4, 4),), PictureError),
        ((torch.zeros(1, 3, 4, 4, dtype=torch.float64),), PictureError),
        ((torch.zeros(1, 3, 4, 4), torch.ones(1, 1, 4, 5)), PictureError),
        ((RGB,), TypeError),
    ],
)
def test_the_constructor_points_to_read(arguments, error):
    with pytest.raises(error):
        Picture(*arguments)
