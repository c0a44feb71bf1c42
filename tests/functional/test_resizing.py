"""Pictures at another size, beside Pillow's."""

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.functional.resizing import fit_within, resample, resize, size_of


@pytest.mark.parametrize("size", [(40, 60), (97, 131)])
def test_pictures_are_resampled_as_pillow_does(size):
    photo = impasto.samples.content("cat", 96)
    channels = [Image.fromarray(channel.numpy()).resize(size[::-1], Image.Resampling.BICUBIC) for channel in photo[0]]
    expected = np.stack([np.asarray(channel) for channel in channels])
    np.testing.assert_allclose(resample(photo, size)[0], expected, atol=1e-5)
    np.testing.assert_allclose(resize(photo, size)[0], expected.clip(0, 1), atol=1e-5)


def test_resampling_to_the_same_size_is_the_identity():
    photo = impasto.samples.content("cat", 96)
    assert resample(photo, size_of(photo)) is photo
    # Torch's own resampling gives those bits, too.
    again = torch.nn.functional.interpolate(photo, size_of(photo), mode="bicubic", antialias=True)
    assert torch.equal(again, photo)


@pytest.mark.parametrize(
    ("size", "side", "shortest", "expected"),
    [
        ((40, 60), 30, 0, (20, 30)),
        ((40, 60), 100, 0, (40, 60)),
        ((3, 1000), 100, 0, (1, 100)),
        ((20, 600), 100, 16, (16, 480)),
        ((10, 600), 100, 16, (10, 600)),
    ],
)
def test_a_picture_is_fitted_and_never_enlarged(size, side, shortest, expected):
    assert size_of(fit_within(torch.rand(1, 3, *size), side, shortest)) == expected
