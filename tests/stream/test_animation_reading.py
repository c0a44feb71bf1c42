"""Animations read: every frame as it is seen, with its time; what is left out is said."""

import io
import struct
import warnings
import zlib
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.errors import FrameError
from impasto.picture import decoding
from impasto.stream import Animation, Video, write

from .example_animations import DURATIONS, animated, gif, levels, still, transparent
from .example_frames import QUICK, clip, needs_av

TIMES = [Fraction(time, 1000) for time in (0, 100, 120, 420)]
SUFFIXES = {"GIF": "gif", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "TIFF": "tif"}


def streamed(source, **options):
    return list(impasto.Pipeline().stream(source, **QUICK, **options))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("given", ["path", "bytes", "file", "image", "opened"])
def test_frames_come_with_their_times_and_transparency_whatever_gives_them(form, given, tmp_path):
    pictures = [transparent(number) for number in range(4)]
    data = animated(form, pictures, disposal=2) if form == "GIF" else animated(form, pictures)
    path = tmp_path / f"in.{SUFFIXES[form]}"
    path.write_bytes(data)
    with path.open("rb") as file:
        source = {
            "path": lambda: path,
            "bytes": lambda: data,
            "file": lambda: file,
            "image": lambda: Image.open(path),
            "opened": lambda: Image.open(file),
        }[given]()
        frames = streamed(source)
    assert [frame.meta.time for frame in frames] == TIMES
    assert [frame.meta.duration for frame in frames] == [Fraction(each, 1000) for each in DURATIONS]
    assert [frame.meta.frame for frame in frames] == [1, 2, 3, 4]
    for frame, pixels in zip(frames, pictures, strict=True):
        assert (levels(frame)[..., 3] == pixels[..., 3]).all()
        seen = pixels[..., 3] > 0
        assert (levels(frame)[seen] == pixels[seen]).all()


def test_avif_has_times_and_a_tiff_pages_of_its_own_depth(tmp_path):
    pictures = [still(number) for number in range(4)]
    assert [frame.meta.time for frame in streamed(animated("AVIF", pictures))] == TIMES
    import tifffile

    deep = np.random.default_rng(0).integers(0, 65536, (3, 5, 7, 3), np.uint16)
    for bigtiff in (False, True):
        tifffile.imwrite("pages.tif", deep[0], bigtiff=bigtiff)
        tifffile.imwrite("pages.tif", deep[1], append=True, bigtiff=bigtiff)
        tifffile.imwrite("pages.tif", deep[1, ::2, ::2], append=True, subfiletype=1, bigtiff=bigtiff)  # reduced
        tifffile.imwrite("pages.tif", deep[2], append=True, bigtiff=bigtiff)
        pages = streamed("pages.tif")
        assert [page.meta.time for page in pages] == [None] * 3
        for page, pixels in zip(pages, deep, strict=True):
            assert (np.round(page.numpy() * 65535) == pixels).all()
    assert write(impasto.Pipeline().stream("pages.tif", **QUICK), "out") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"frame-00000{i}.png" for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("frames", "wanted"),
    [
        # Left as it is, a frame shines through the next one's transparent pixels.
        ([(0, 0, np.full((8, 8), 1), 1, None), (2, 2, np.full((2, 2), 3), 1, 3)], (0, 255, 0, 255)),
        # Cleared, nothing is left of it, whatever the colour of the background.
        ([(0, 0, np.full((8, 8), 1), 2, None), (2, 2, np.full((2, 2), 3), 1, 3)], (0, 0, 0, 0)),
        # Restored: what was before a frame is there again.
        (
            [
                (0, 0, np.full((8, 8), 1), 1, None),
                (0, 0, np.full((4, 4), 2), 3, None),
                (2, 2, np.full((2, 2), 3), 1, 3),
            ],
            (0, 255, 0, 255),
        ),
    ],
)
def test_what_a_gif_leaves_of_a_frame_is_what_browsers_leave(frames, wanted):
    last = levels(streamed(gif(frames))[-1])
    for place in (last[3, 3], last[7, 7]):
        assert place[3] == wanted[3]
        assert not wanted[3] or tuple(place) == wanted


def test_a_frame_may_lie_anywhere_and_reach_out_of_the_picture():
    small, *_ = streamed(gif([(2, 3, np.full((2, 4), 1), 1, None), (6, 6, np.full((5, 5), 2), 1, None)]))
    assert levels(small)[..., 3].sum() == 255 * 8
    assert (levels(small)[3:5, 2:6] == (0, 255, 0, 255)).all()
    last = levels(streamed(gif([(0, 0, np.zeros((8, 8)), 1, None), (6, 6, np.full((5, 5), 2), 1, None)]))[-1])
    assert last.shape == (8, 8, 4)
    assert tuple(last[7, 7]) == (0, 0, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_a_frame_that_says_no_duration_lasts_a_tenth_of_a_second(form):
    # Pillow's GIF and PNG leave out 0 at the end or between.
    frames = streamed(animated(form, [still(number) for number in range(3)], [0, 0, 0]))
    assert [frame.meta.time for frame in frames] == [Fraction(0), Fraction(1, 10), Fraction(1, 5)]


def test_how_many_frames_a_file_says_it_has_is_not_believed():
    data = animated("PNG", [still(number) for number in range(4)])
    begin = data.index(b"acTL")
    for said in (1, 2, 5, 1_000_000_000):
        body = b"acTL" + struct.pack(">I", said) + data[begin + 8 : begin + 12]
        forged = data[:begin] + body + struct.pack(">I", zlib.crc32(body)) + data[begin + 16 :]
        assert Animation(forged).count == 4
        assert [frame.meta.time for frame in streamed(forged)] == TIMES


def test_a_text_that_speaks_of_how_many_frames_stays_as_it_is():
    data = animated("PNG", [still(number) for number in range(4)])
    text = b"tEXtComment\0acTL" + bytes(20)
    said = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    frames = streamed(data[:33] + said + data[33:])  # behind the head
    assert [frame.meta.time for frame in frames] == TIMES


def test_the_picture_for_programs_that_show_no_animation_is_not_a_frame():
    data = animated("PNG", [still(9), still(0), still(1)], [100, 20], default_image=True)
    frames = streamed(data)
    assert len(frames) == 2
    assert (levels(frames[0]) == still(0)).all()


@pytest.mark.parametrize("form", list(SUFFIXES))
def test_a_still_read_of_several_pictures_says_how_many_it_leaves(form, tmp_path):
    data = animated(form, [still(number) for number in range(4)])
    path = tmp_path / f"in.{SUFFIXES[form]}"
    path.write_bytes(data)
    for source in (path, str(path), data, io.BytesIO(data), Image.open(path)):
        with pytest.warns(UserWarning, match=r"holds 4 (frames|pages), of which the first is read\n.*stream") as caught:
            first = impasto.read(source)
        assert len(caught) == 1
        assert caught[0].filename == __file__  # the line that reads it
        if form not in ("AVIF", "GIF"):
            assert (levels(first) == still(0)).all()


@pytest.mark.parametrize("form", [*SUFFIXES, "JPEG", "BMP"])
def test_one_picture_is_no_animation(form):
    data = animated(form, [still(0)[..., :3]], 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert impasto.read(data).size == (24, 32)
        (frame,) = streamed(data)
    assert frame.meta.time is None


@pytest.mark.parametrize("form", list(SUFFIXES))
def test_an_animation_that_is_cut_gives_the_frames_before_and_says_so(form):
    pictures = [np.random.default_rng(number).integers(0, 256, (24, 32, 4), np.uint8) for number in range(4)]
    data = animated(form, pictures)
    for end in (len(data) * 5 // 8, len(data) - 40, len(data) - 1):
        got = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for frame in impasto.Pipeline().stream(data[:end], **QUICK):
                    got.append(frame)
            except (FrameError, impasto.PictureError):
                continue
        assert len(got) == 4 or any("is cut short" in str(each.message) for each in caught)
    if form in ("GIF", "PNG"):  # the others have an index, without which nothing is found
        assert 1 <= len(got) <= 4


def test_frames_are_refused_before_they_are_decoded():
    for form in SUFFIXES:
        data = animated(form, [still(number) for number in range(2)])
        with pytest.raises(impasto.PictureError, match="768 pixels, over the limit of 700"):
            streamed(data, max_pixels=700)
    large = gif([(0, 0, np.zeros((8, 8)), 1, None), (0, 0, np.zeros((8, 8)), 2, None)])
    begin = large.rindex(b",")
    bomb = large[: begin + 5] + struct.pack("<HH", 65535, 65535) + large[begin + 9 :]
    with pytest.raises(impasto.PictureError, match=r"65535 × 65535, .* pixels, over the limit"):
        streamed(bomb)


@pytest.mark.parametrize("form", list(SUFFIXES))
@pytest.mark.parametrize("given", ["path", "bytes", "file"])
def test_what_a_refusal_says_to_type_works(form, given, monkeypatch, tmp_path):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 500)
    monkeypatch.setattr(decoding, "OTHER_BYTES", 0)
    monkeypatch.setattr(decoding, "BYTES_A_PIXEL", 1)
    path = tmp_path / "in"
    path.write_bytes(animated(form, [still(number) for number in range(2)]))
    limit, frames = None, []
    for _ in range(3):  # after the limits of bytes and of pixels
        with path.open("rb") as file:
            source = {"path": path, "bytes": path.read_bytes(), "file": file}[given]
            try:
                frames = streamed(source, max_pixels=limit)
            except impasto.PictureError as error:
                limit = int(str(error).partition("max_pixels=")[2].partition(",")[0])
    assert limit
    assert len(frames) == 2


def test_a_file_of_too_many_frames_is_refused_in_no_time():
    one = gif([(0, 0, np.zeros((1, 1)), 1, None)], (1, 1))
    frame = one[one.index(b"!") : -1]
    with pytest.raises(impasto.PictureError, match="has more than 100,000 frames"):
        streamed(one[: one.index(b"!")] + frame * 100_001 + b";")


def test_a_tiff_whose_pages_go_round_ends(tmp_path):
    data = bytearray(animated("TIFF", [still(number) for number in range(3)]))
    table = Animation(bytes(data))._table
    (entries,) = struct.unpack_from("<H", data, table.pages[-1])
    struct.pack_into("<I", data, table.pages[-1] + 2 + 12 * entries, table.pages[0])
    with pytest.warns(UserWarning, match="cut short"):
        assert len(streamed(bytes(data))) == 3


@needs_av
def test_videos_and_animations_become_each_other():
    clip("in.mp4", fps=10)
    assert write(impasto.Pipeline().stream("in.mp4", **QUICK), "there.gif") == 10
    assert [frame.meta.time for frame in Animation("there.gif")] == [Fraction(i, 10) for i in range(10)]
    (again := animated("PNG", [still(number) for number in range(4)], DURATIONS))
    write(impasto.Pipeline().stream(again, **QUICK), "back.mp4")
    assert [frame.meta.time for frame in Video("back.mp4")] == TIMES
