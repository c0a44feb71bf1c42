"""Damage that libjpeg, libtiff and Pillow pass over: areas in one colour that the file does not have."""

import io
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

import impasto

PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


def encoded(form, mode="RGB", pixels=PIXELS, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, form, **options)
    return out.getvalue()


def test_a_jpeg_whose_codes_go_wrong_is_damaged_though_no_bit_of_it_is_missing():
    """The blocks behind are of the last colour that was decoded, whatever that is, and not grey."""
    photograph = impasto.samples.content("astronaut", 96)[0].permute(1, 2, 0).mul(255).byte().numpy()
    whole = encoded("JPEG", "L", photograph)
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
        impasto.read(encoded("JPEG", pixels=pixels, **options))
    impasto.read(encoded("TIFF", "1", pixels, compression="group4"))
    impasto.read(encoded("TIFF", pixels=pixels, compression="jpeg"))


def test_a_fax_whose_rows_go_wrong_is_damaged():
    whole = encoded("TIFF", "1", compression="group4")
    start = Image.open(io.BytesIO(whole)).tag_v2[273][0]
    damaged = whole[: start + 40] + bytes(3) + whole[start + 43 :]
    with pytest.warns(UserWarning, match="is damaged, its bits, .* say more than was decoded"):
        impasto.read(damaged)


def test_a_tiff_of_jpegs_is_looked_at_as_they_are():
    whole = encoded("TIFF", compression="jpeg")
    tags = Image.open(io.BytesIO(whole)).tag_v2
    start, length = tags[273][-1], tags[279][-1]
    damaged = whole[: start + length // 2] + bytes(64) + b"\xff\xd9" + whole[start + length // 2 + 66 :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((impasto.PictureError, UserWarning), match="damaged"):
            impasto.read(damaged)


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


def test_a_png_without_its_palette_is_no_black_picture():
    chunks = png_chunks(encoded("PNG", "P"))
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
    whole = encoded("GIF", "P")
    taller = whole[:8] + (200).to_bytes(2, "little") + whole[10:]
    with pytest.warns(UserWarning, match=r"its first frame is 32% of its 96 × 200, and the rest is of one colour"):
        impasto.read(taller)
