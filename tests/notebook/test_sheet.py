"""Sheets show what is given, in order, under its names, and fit the column of a notebook."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import impasto


def grey(value, height=20, width=30):
    return torch.full((1, 3, height, width), value)


def opened(data):
    return Image.open(io.BytesIO(data))


def test_pictures_are_shown_in_order_under_their_names():
    sheet = impasto.show(grey(0.25), after_it=grey(0.75))
    assert repr(sheet) == "Picture(30×20, mean 0.25 0.25 0.25)\nafter it: Picture(30×20, mean 0.75 0.75 0.75)"
    assert len(sheet) == 2
    assert sheet[1].tensor.mean() == 0.75
    image = sheet.pil()
    left, right = image.getpixel((15, image.height - 5)), image.getpixel((image.width - 40, image.height - 5))
    assert left == (64, 64, 64)
    assert right == (191, 191, 191)
    assert opened(sheet._repr_jpeg_()).height > 240


def test_masks_styles_batches_and_what_has_a_picture_are_shown():
    class Field:
        def picture(self):
            return grey(0.1)

    sheet = impasto.show(torch.ones(1, 1, 8, 8), impasto.Style(grey(0.3)), torch.rand(2, 3, 8, 8), field=Field())
    assert len(sheet) == 5  # a batch is shown one by one
    assert sheet.pil().width > 0


def test_many_pictures_make_rows_that_fit_the_column():
    sheet = impasto.show(*[grey(0.5, 300, 900) for _ in range(7)])
    assert [len(row) for row in sheet.rows] == [4, 3]
    assert sheet.pil().width <= 1560
    assert [len(row) for row in impasto.show(*[grey(0.5)] * 4, columns=2).rows] == [2, 2]


def test_nothing_to_show_is_an_error():
    with pytest.raises(impasto.ParameterError, match="nothing to show"):
        impasto.show()


def test_a_sheet_is_saved_as_a_picture(tmp_path):
    file = impasto.show(grey(0.5)).save(tmp_path / "sheet.png")
    assert impasto.read(file).size == (20, 30)


def test_small_pictures_are_enlarged_in_a_notebook_and_not_in_files():
    small = torch.zeros(1, 3, 12, 16)
    small[..., 8:] = 1
    sheet = impasto.show(small)
    assert sheet.pil().size == (16, 12)
    shown = np.asarray(opened(sheet._repr_jpeg_()).convert("L"))
    assert shown.shape == (240, 320)
    # A mask stays crisp: nothing but black and white, but for what the JPEG does at the edge.
    assert ((shown < 8) | (shown > 247)).mean() > 0.95
