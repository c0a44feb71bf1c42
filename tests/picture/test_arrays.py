"""Arrays and tensors: whatever their dtype and layout, the same picture, or an error that says why not."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import PictureError
from impasto.picture import read

from .example_files import RGB, RGBA, levels


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
