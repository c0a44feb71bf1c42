"""Guided synthesis: patches lie where the guides say, and no value is made up."""

import pytest
import torch

import impasto
from impasto.functional.patches import NNF, grid, guided_synthesis


def test_the_same_guides_give_the_image_back():
    image = impasto.samples.content("coffee", 96)
    picture, field = guided_synthesis(image, image, image, generator=torch.Generator().manual_seed(0))
    assert (picture - image).abs().mean() < 0.01
    assert field.positions.shape == (1, 1, 2, 64, 96)


def test_a_start_that_is_right_stays():
    image = impasto.samples.content("coffee", 96)
    places = grid(64, 96, image.device)[None, None]
    start = NNF(places, torch.zeros(1, 1, 64, 96), (64, 96))
    picture, field = guided_synthesis(image, image, image, start=start, rounds=1)
    assert torch.equal(field.positions, places)
    torch.testing.assert_close(picture, image, atol=1e-5, rtol=0)


def test_one_seed_gives_one_picture():
    image, guide = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(3)), torch.zeros(1, 1, 40, 40)
    once, again, other = (
        guided_synthesis(image, guide, guide, generator=torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert image.min() - 1e-5 <= once.min()
    assert once.max() <= image.max() + 1e-5


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (5, 7)])
def test_pictures_of_any_size(size):
    image = torch.rand(1, 3, 20, 20)
    assert guided_synthesis(image, image[:, :1], torch.rand(1, 1, *size))[0].shape == (1, 3, *size)


def test_guides_that_do_not_fit_are_refused():
    image = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="as many guides of both"):
        guided_synthesis(image, image, image[:, :1])
