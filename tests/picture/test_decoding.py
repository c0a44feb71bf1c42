"""Files that are not what they should be are errors, whatever Pillow's process-wide flags say."""

import io
import multiprocessing
import os
import sys
import threading
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RGB, RNG, H, W, encoded, flat_gif, flat_png, png, run_length_bmp, tall_tiff


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


def test_absurdly_large_pictures_are_refused_before_decoding():
    bomb = png(60000, 60000, 8, 2, [])
    with pytest.raises(PictureError, match=r"60000 × 60000(?s:.*)max_pixels=3600000000"):
        read(bomb)
    small = encoded(Image.fromarray(RGB), "PNG")
    with pytest.raises(PictureError, match="over the limit of 100"):
        read(small, max_pixels=100)
    assert read(small, max_pixels=H * W).size == (H, W)


LOSSLESS = [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("BMP", {}), ("PPM", {})]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("form", "options"), [*LOSSLESS, ("JPEG", {}), ("GIF", {})], ids=str)
def test_the_limit_can_be_raised_past_pillows_own(form, options, monkeypatch):
    data = encoded(Image.fromarray(RGB), form, **options)
    expected = read(data).tensor
    for limit in (10, H * W - 1):  # over twice of it Pillow raises, and over it it warns
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert read(data).tensor.equal(expected)
        assert limit == Image.MAX_IMAGE_PIXELS


def test_where_the_limit_is_pillows_own_the_message_says_how_to_raise_it(monkeypatch):
    data = encoded(Image.fromarray(RGB), "WEBP")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    message = ""  # only some versions of Pillow check while they open
    try:
        read(data)
    except PictureError as error:
        message = str(error)
    assert not message or "MAX_IMAGE_PIXELS = None" in message


@pytest.mark.parametrize(("form", "options"), [*LOSSLESS[:1], *LOSSLESS[2:3], ("GIF", {})], ids=str)
def test_a_damaged_file_is_an_error_and_never_half_grey(form, options, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    noise = Image.fromarray(RNG.integers(0, 256, (120, 160, 3), np.uint8))
    data = bytearray(encoded(noise, form, **options))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    with pytest.raises(PictureError, match="damaged"):
        read(bytes(data))


def test_a_heic_that_is_cut_short_is_an_error(monkeypatch):
    pytest.importorskip("pillow_heif").register_heif_opener()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(Image.fromarray(RNG.integers(0, 256, (120, 160, 3), np.uint8)), "HEIF")
    assert read(data).size == (120, 160)
    with pytest.raises(PictureError, match=r"damaged|cut short"):
        read(data[: len(data) * 3 // 4])


class Waiting(Image.Image):
    """A picture that another thread is about to decode, for as long as one likes."""

    def __init__(self):
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.im, self._mode, self._size = Image.new("RGB", (4, 4)).im, "RGB", (4, 4)

    def load(self):
        self.begun.set()
        assert self.go_on.wait(30)
        return super().load()


@pytest.fixture
def waiting():
    """An image in the midst of being read by another thread."""
    image = Waiting()
    thread = threading.Thread(target=read, args=(image,))
    thread.start()
    assert image.begun.wait(30)
    yield image
    image.go_on.set()
    thread.join()


@pytest.mark.usefixtures("waiting")
def test_reading_changes_no_flag_of_pillow_and_no_filter_of_warnings():
    flags = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read(encoded(Image.fromarray(RGB), "PNG"))
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == flags
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.usefixtures("waiting")
def test_a_process_forked_while_a_picture_is_read_can_read():
    data = encoded(Image.fromarray(RGB), "PNG")
    child = multiprocessing.get_context("fork").Process(target=read, args=(data,))
    child.start()
    child.join(30)
    assert child.exitcode == 0


SMALL_AND_HUGE = {
    "GIF": (flat_gif, (65535, 2700)),
    "PNG": (flat_png, (13000, 13000)),
    "BMP": (run_length_bmp, (48, 2_097_192)),
    "TIFF": (lambda width, height: tall_tiff(height), (48, 1_048_576)),
    "WEBP": (lambda *size: encoded(Image.new("RGB", size), "WEBP", lossless=True), (6001, 6000)),
}


@pytest.mark.parametrize("form", SMALL_AND_HUGE)
def test_a_small_file_cannot_fill_the_memory_unasked(form):
    make, size = SMALL_AND_HUGE[form]
    data = make(*size)
    pixels = size[0] * size[1]
    with pytest.raises(PictureError, match=rf"{size[0]} × {size[1]}(?s:.*)max_pixels={pixels}") as caught:
        read(data)
    assert f"{len(data):,} bytes" in str(caught.value)


@pytest.mark.parametrize("bits", [1, 8])
def test_an_empty_page_is_a_picture(bits):
    data = encoded(Image.new("1" if bits == 1 else "L", (4000, 3000), 1 if bits == 1 else 255), "PNG")
    assert len(data) < 20_000
    assert read(data).tensor.amin() == 1


def test_an_empty_page_of_600_dpi_is_a_picture():
    data = encoded(Image.new("1", (4960, 7016), 1), "TIFF", compression="group4")
    assert read(data).size == (7016, 4960)


def test_files_longer_than_any_picture_of_the_limit_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.picture.decoding.OTHER_BYTES", 1000)
    file = tmp_path / "long.png"
    file.write_bytes(encoded(Image.fromarray(RGB), "PNG") + bytes(20_000))
    for source in (file, file.open("rb")):
        with pytest.raises(PictureError, match=r"bytes or more, over the limit of 10,600(?s:.*)max_pixels="):
            read(source, max_pixels=600)
    assert read(file, max_pixels=2000).size == (H, W)


def test_an_open_file_at_its_end_says_so():
    file = io.BytesIO(encoded(Image.fromarray(RGB), "PNG"))
    read(file)
    with pytest.raises(PictureError, match=r"at its end(?s:.*)file\.seek\(0\)"):
        read(file)
    file.seek(0)
    assert read(file).size == (H, W)
    with pytest.raises(PictureError, match="is empty"):
        read(io.BytesIO())
