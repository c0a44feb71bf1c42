"""The size of styles: shrunk to the picture, filled up to a multiple."""

import torch

from impasto import Style
from impasto.stage import resized_style


def test_a_style_is_shrunk_to_the_picture_and_never_enlarged():
    large = Style(torch.rand(1, 3, 400, 100), guides=torch.ones(1, 1, 400, 100))
    result = resized_style(large, (50, 50), 1.0, 1)
    assert result.image.shape[-2:] == (100, 25) == result.guides.shape[-2:]
    assert resized_style(large, (50, 50), 2.0, 1).image.shape[-2:] == (200, 50)
    assert resized_style(large, (900, 900), 1.0, 1).image.shape[-2:] == (400, 100)


def test_a_tiny_style_is_filled_up_with_its_border():
    result = resized_style(Style(torch.full((1, 3, 1, 5), 0.3)), (64, 64), 1.0, 8)
    assert result.image.shape[-2:] == (8, 8)
    assert bool((result.image == result.image[0, 0, 0, 0]).all())


def test_the_shorter_side_of_a_style_is_kept_from_vanishing():
    strip = Style(torch.rand(1, 3, 400, 40))
    assert resized_style(strip, (20, 20), smallest=16).image.shape[-2:] == (160, 16)
