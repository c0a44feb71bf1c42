"""The value: what it shows, what it turns into, what it refuses."""

import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import ParameterError, PictureError
from impasto.picture import Interrupted, Metadata, Picture, read

from .example_files import RGB, RGBA, H, W


def test_the_text_form_is_stable():
    assert repr(Picture(torch.full((1, 3, 256, 384), 0.5))) == "Picture(384×256, mean 0.50 0.50 0.50)"
    stopped = Picture(torch.full((4, 3, 8, 9), -1e-4), interrupted=Interrupted("gatys", 31, 300))
    assert repr(stopped) == "Picture(4 of 9×8, mean 0.00 0.00 0.00, interrupted at step 31 of 300)"


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


def test_a_picture_is_shrunk_with_its_opacity_and_still_printed_as_large():
    picture = read(RGBA).replace(meta=Metadata(density=(300.0, 300.0)))
    small = picture.fit_within(W // 2)
    assert small.size[1] == W // 2
    assert small.alpha.shape[-2:] == small.size
    assert pytest.approx(small.size[1] / small.meta.density[0]) == W / 300  # inches
    assert picture.fit_within(W) is picture
    with pytest.raises(ParameterError, match="whole number of pixels"):
        picture.fit_within(0)
