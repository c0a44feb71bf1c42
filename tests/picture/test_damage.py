"""Damage that decoders pass over: a JPEG that lacks a part is said to, other files without their end are errors."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, features

import impasto
from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RGB, RNG, SMOOTH, H, W, encoded, png

NOISE = Image.fromarray(RNG.integers(0, 256, (120, 160, 3), np.uint8)).resize((161, 123), Image.Resampling.BILINEAR)

KINDS = {
    "plain": (NOISE, {}),
    "full colour": (NOISE, {"subsampling": 0, "quality": 95}),
    "grey": (NOISE.convert("L"), {}),
    "CMYK": (NOISE.convert("CMYK"), {}),
    "progressive": (NOISE, {"progressive": True}),
    "in intervals": (NOISE, {"restart_marker_blocks": 4}),
}


def taller(data):
    where = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    (height,) = struct.unpack_from(">H", data, where)
    return data[:where] + struct.pack(">H", height * 3 // 2) + data[where + 2 :]


DAMAGES = {
    "cut, with an end": lambda data: data[: len(data) // 2] + b"\xff\xd9",
    "a little cut, with an end": lambda data: data[: len(data) * 97 // 100] + b"\xff\xd9",
    "a third missing": lambda data: data[: len(data) // 3] + data[2 * len(data) // 3 :],
    "too tall": taller,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_jpeg_that_lacks_a_part_is_said_to(kind, damage):
    image, options = KINDS[kind]
    data = encoded(image, "JPEG", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(data)
    with pytest.warns(UserWarning, match=r"damaged(?s:.*)fresh copy"):
        read(DAMAGES[damage](data))


def test_a_marker_in_the_midst_of_a_scan_is_damage():
    data = encoded(NOISE, "JPEG", quality=95, subsampling=0)
    middle = data.index(b"\xff\xda") + 2000
    with pytest.warns(UserWarning, match="damaged"):
        read(data[:middle] + b"\xff\xdb\0\x43" + bytes([0] + [1] * 64) + data[middle:])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("grey", [0, 127, 128, 255])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}], ids=str)
def test_a_jpeg_that_is_flat_below_is_no_damage(grey, options):
    scan = np.full((200, 160, 3), grey, np.uint8)
    scan[:64, :96] = SMOOTH
    for image in (Image.fromarray(scan), Image.fromarray(scan).convert("L"), Image.fromarray(scan).convert("CMYK")):
        assert read(encoded(image, "JPEG", **options)).size == (200, 160)
    assert read(encoded(Image.fromarray(scan), "JPEG", **options) + b"what cameras append").size == (200, 160)


def test_a_jpeg_without_its_later_scans_is_said_to_be_blurred():
    data = encoded(NOISE, "JPEG", progressive=True)
    scans = [i for i in range(len(data)) if data[i : i + 2] == b"\xff\xda"]
    with pytest.warns(UserWarning, match="scans are missing"):
        read(data[: data.rfind(b"\xff\xc4", 0, scans[-1])] + b"\xff\xd9")


@pytest.mark.parametrize("colour", [0, 2])
def test_a_png_whose_data_end_too_early_is_an_error(colour):
    rows = RGB if colour == 2 else RGB[..., 0]
    for depth, pixels in ((8, rows), (16, rows.astype(">u2") * 257)):
        assert read(png(W, H, depth, colour, pixels)).size == (H, W)
        with pytest.raises(PictureError, match="last rows are missing"):
            read(png(W, H + 9, depth, colour, pixels))
        black = np.concatenate([pixels, pixels[:5] * 0])
        assert (read(png(W, H + 5, depth, colour, black)).tensor[:, :, H:] == 0).all()


def test_a_gif_that_ends_too_early_is_an_error():
    data = encoded(Image.fromarray(RGB[..., 0]), "GIF")
    frame = data.index(b",\0\0\0\0" + struct.pack("<HH", W, H))
    taller = data[:8] + struct.pack("<H", 3 * H) + data[10 : frame + 7] + struct.pack("<H", 3 * H) + data[frame + 9 :]
    with pytest.raises(PictureError, match="damaged"):
        read(taller)
    for color in range(0, 256, 51):
        flat = Image.new("P", (40, 30), color)
        flat.putpalette(bytes(range(256)) * 3)
        assert read(encoded(flat, "GIF")).size == (30, 40)


def test_an_interlaced_png_lacks_no_row():
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    grey = np.zeros((H, W), np.uint8)
    lines = [b"\0" + row.tobytes() for y, x, dy, dx in passes for row in grey[y::dy, x::dx] if row.size]
    whole, cut = (interlaced(b"".join(part)) for part in (lines, lines[:-3]))
    assert (read(whole).tensor == 0).all()
    with pytest.raises(PictureError, match="last rows are missing"):
        read(cut)


def interlaced(rows):
    data = png(W, H, 8, 0, [])
    head = data[12:28] + b"\1"
    body = b"IDAT" + zlib.compress(rows)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + chunk + data[-12:]


PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


def encoded_as(form, mode="RGB", pixels=PIXELS, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, form, **options)
    return out.getvalue()


def test_a_jpeg_whose_codes_go_wrong_is_damaged_though_no_bit_of_it_is_missing():
    """The blocks behind are of the last colour that was decoded, whatever that is, and not grey."""
    photograph = impasto.samples.content("astronaut", 96)[0].permute(1, 2, 0).mul(255).byte().numpy()
    whole = encoded_as("JPEG", "L", photograph)
    said = 0
    for place in range(whole.index(b"\xff\xda") + 10, len(whole) - 400, 11):
        damaged = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            picture = impasto.read(damaged).tensor
        last = picture[0, :, -24:].flatten(1)
        is_flat = bool((last == last[:, :1]).all())
        said += bool(caught)
        assert caught or not is_flat, place
    assert said


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 30, 40)])
def test_a_picture_that_ends_in_one_colour_is_not_called_damaged(colour):
    pixels = PIXELS.copy()
    pixels[30:] = colour
    for options in ({"quality": 10}, {"quality": 100, "subsampling": 0}, {"progressive": True}):
        impasto.read(encoded_as("JPEG", pixels=pixels, **options))
    impasto.read(encoded_as("TIFF", "1", pixels, compression="group4"))
    impasto.read(encoded_as("TIFF", pixels=pixels, compression="jpeg"))


def test_a_fax_whose_rows_go_wrong_is_damaged():
    whole = encoded_as("TIFF", "1", compression="group4")
    start = Image.open(io.BytesIO(whole)).tag_v2[273][0]
    damaged = whole[: start + 40] + bytes(3) + whole[start + 43 :]
    with pytest.warns(UserWarning, match="is damaged, its bits, .* say more than was decoded"):
        impasto.read(damaged)


@pytest.mark.parametrize("kept", [1, 20, 0.5, 0.9])
@pytest.mark.parametrize("rows", [1000, 16])
def test_a_fax_whose_strips_end_before_its_rows_is_damaged(kept, rows):
    noise = RNG.integers(0, 2, (64, 80, 1), np.uint8).repeat(3, 2) * 255
    whole = bytearray(encoded_as("TIFF", "1", noise, compression="group4", tiffinfo={278: rows}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        impasto.read(bytes(whole))
    (directory,) = struct.unpack_from("<I", whole, 4)
    entries = {struct.unpack_from("<H", whole, at)[0]: at for at in range(directory + 2, len(whole) - 11, 12)}
    kind, count, value = struct.unpack_from("<HII", whole, entries[279] + 2)
    form = {3: "<H", 4: "<I"}[kind]
    last = (value if count > 1 else entries[279] + 8) + (count - 1) * struct.calcsize(form)
    (length,) = struct.unpack_from(form, whole, last)
    struct.pack_into(form, whole, last, kept if kept >= 1 else int(kept * length))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((impasto.PictureError, UserWarning), match="is damaged"):
            impasto.read(bytes(whole))


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("AVIF", "RGB")])
def test_a_picture_whose_codes_go_wrong_is_damaged_wherever_it_is_flat(form, mode):
    """Wrong codes make black blocks above, and a picture of some kind may come back below them."""
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    photograph = impasto.samples.content("astronaut", 96)[0].permute(1, 2, 0).mul(255).byte().numpy()
    whole = encoded_as(form, mode, photograph, quality=90)
    start = {"JPEG": whole.find(b"\xff\xda") + 14, "WEBP": 60, "AVIF": whole.find(b"mdat") + 16}[form]
    flat = 0
    for place in range(start, start + 420, 3 if form == "AVIF" else 1):
        for bit in (1, 8, 64):
            damaged = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    picture = impasto.read(damaged).tensor[0]
                except impasto.PictureError:
                    continue
            blocks = picture.unfold(1, 8, 8).unfold(2, 8, 8).flatten(3)
            share = (blocks == blocks[..., :1]).all(-1).all(0).float().mean()
            # Full black hides inks that are all there.
            assert caught or share < 0.25 or (mode == "CMYK" and share == 1), (place, bit)
            flat += bool(share > 0.25)
    assert flat


@pytest.mark.parametrize("colour", [(255, 255, 255), (90, 90, 90), (200, 30, 40)])
@pytest.mark.parametrize(
    "form", ["WEBP", pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="no AVIF"))]
)
def test_a_picture_with_flat_parts_is_not_called_damaged(form, colour):
    for flat in (slice(0, 120), slice(0, 60), slice(60, 120)):
        pixels = np.array(NOISE)
        pixels[flat] = colour
        for quality in (10, 75, 100):
            impasto.read(encoded_as(form, pixels=pixels, quality=quality))


def test_a_tiff_of_jpegs_is_looked_at_as_they_are():
    whole = encoded_as("TIFF", compression="jpeg")
    tags = Image.open(io.BytesIO(whole)).tag_v2
    start, length = tags[273][-1], tags[279][-1]
    damaged = whole[: start + length // 2] + bytes(64) + b"\xff\xd9" + whole[start + length // 2 + 66 :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((impasto.PictureError, UserWarning), match="damaged"):
            impasto.read(damaged)


@pytest.mark.parametrize("tag", [256, 257])
def test_a_tiff_larger_than_its_jpegs_is_damaged(tag):
    whole = bytearray(encoded_as("TIFF", compression="jpeg"))
    directory = struct.unpack_from("<I", whole, 4)[0]
    entry = next(at for at in range(directory + 2, len(whole), 12) if struct.unpack_from("<H", whole, at)[0] == tag)
    struct.pack_into("<I", whole, entry + 8, 160)
    rows = next(at for at in range(directory + 2, len(whole), 12) if struct.unpack_from("<H", whole, at)[0] == 278)
    struct.pack_into("<I", whole, rows + 8, 160)
    with pytest.warns(UserWarning, match="a JPEG in it has 96 × 64 pixels, of (160 × 64|96 × 160)"):
        impasto.read(bytes(whole))


@pytest.mark.parametrize("colours", [16, 64])
def test_a_bmp_whose_palette_is_short_is_damaged(colours):
    file = io.BytesIO()
    Image.fromarray(PIXELS).quantize(colours).save(file, "BMP")
    whole = bytearray(file.getvalue())
    impasto.read(bytes(whole))
    struct.pack_into("<I", whole, 46, 5)
    with pytest.warns(UserWarning, match="its pixels name colour .*, and its palette has 5"):
        impasto.read(bytes(whole))


def png_chunks(data):
    place, chunks = 8, []
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def png_of(chunks):
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts.append(len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big"))
    return b"".join(parts)


def test_a_tiff_whose_tiles_are_much_larger_than_it_is_takes_no_memory():
    out = io.BytesIO()
    tifffile.imwrite(out, PIXELS, photometric="rgb", tile=(32, 32))
    whole = bytearray(out.getvalue())
    (directory,) = struct.unpack_from("<I", whole, 4)
    for entry in range(directory + 2, len(whole) - 11, 12):
        if struct.unpack_from("<H", whole, entry)[0] in (322, 323):
            struct.pack_into("<HII", whole, entry + 2, 4, 1, 16384)
    with pytest.raises(impasto.PictureError, match="a tile of it has 268,435,456 pixels"):
        impasto.read(bytes(whole))


def test_a_gif_whose_codes_have_no_bits_is_no_black_picture():
    damaged = bytearray(encoded_as("GIF", "P"))
    descriptor = damaged.index(b"\x2c", 13 + 3 * 2 ** ((damaged[10] & 7) + 1))
    damaged[descriptor + 10] = 0
    with pytest.raises(impasto.PictureError, match="its codes have no bits"):
        impasto.read(bytes(damaged))


def test_a_png_without_its_palette_is_no_black_picture():
    chunks = png_chunks(encoded_as("PNG", "P"))
    late = [chunk for chunk in chunks if chunk[0] != b"PLTE"]
    late.insert(-1, next(chunk for chunk in chunks if chunk[0] == b"PLTE"))
    with pytest.raises(impasto.PictureError, match="its palette is missing"):
        impasto.read(png_of(late))


def test_an_animation_whose_first_frame_is_smaller_than_its_picture_is_damaged():
    out = io.BytesIO()
    frames = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    (kind, head), *rest = png_chunks(out.getvalue())
    taller = png_of([(kind, head[:4] + (4000).to_bytes(4, "big") + head[8:]), *rest])
    with pytest.raises(impasto.PictureError, match="its rows are missing"):
        impasto.read(taller)


def test_a_gif_whose_frame_is_smaller_than_its_screen_says_so():
    whole = encoded_as("GIF", "P")
    taller = whole[:8] + (200).to_bytes(2, "little") + whole[10:]
    with pytest.warns(UserWarning, match=r"its first frame is 32% of its 96 × 200, and the rest is of one colour"):
        impasto.read(taller)


def test_a_jpeg_with_restart_markers_alone_is_damaged():
    whole = encoded_as("JPEG", restart_marker_rows=1)
    place = whole.index(b"\xff\xdd")
    with pytest.warns(UserWarning, match="it has restart markers and does not say how often"):
        impasto.read(whole[:place] + whole[place + 6 :])


def test_a_jpeg_with_another_marker_among_its_bits_lacks_what_is_behind():
    whole = encoded_as("JPEG", "CMYK")
    place = len(whole) // 2
    with pytest.warns(UserWarning, match="is damaged, its last blocks are missing"):
        impasto.read(whole[:place] + b"\xff\xea\x00\x02" + whole[place + 4 :])


def run_length_bmp(rows, codes=None):
    """Return a BMP of 8 bits in runs: of rows of grey levels, or of the codes given for them."""
    height, width = rows.shape
    if codes is None:
        codes = b"".join(b"".join(bytes((1, level)) for level in row) + b"\0\0" for row in rows[::-1].tolist())
        codes += b"\0\1"
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(codes), 2835, 2835, 256, 0)
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(codes), 0, 0, start) + head + palette + codes


def test_a_bmp_whose_runs_leave_pixels_out_is_said():
    levels = np.arange(40 * 30, dtype=np.uint8).reshape(30, 40)
    whole = run_length_bmp(levels)
    assert np.array_equal(impasto.read(whole).numpy()[..., 0], np.float32(levels) / np.float32(255))
    with pytest.raises(PictureError, match="not enough image data"):
        impasto.read(run_length_bmp(levels, whole[14 + 40 + 1024 :][: 82 * 10] + b"\0\1"))
    halves = run_length_bmp(levels, b"\x14\x80\0\0" * 30 + b"\0\1")
    with pytest.warns(UserWarning, match="leave out 600 of its 1,200 pixels"):
        impasto.read(halves)
    skip = run_length_bmp(levels, b"\0\2\0\5" + whole[14 + 40 + 1024 :][82 * 5 :])
    with pytest.warns(UserWarning, match="leave out 200 of its 1,200 pixels"):
        impasto.read(skip)


def test_a_webp_whose_first_frame_is_smaller_is_said():
    frames = [Image.effect_noise((48, 32), 80).convert("RGB") for _ in range(2)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(file.getvalue())
    with pytest.warns(UserWarning, match="holds 2 frames"):
        impasto.read(bytes(data))
    canvas = data.index(b"VP8X") + 12
    data[canvas : canvas + 6] = (63).to_bytes(3, "little") * 2  # a canvas of 64 × 64
    with pytest.warns(UserWarning, match="its first frame is 38% of its 64 × 64"):
        impasto.read(bytes(data))
