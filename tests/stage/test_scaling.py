"""The size of styles: shrunk to the picture, filled up to a multiple."""

import pytest
import torch

import impasto
from impasto import Style
from impasto.stage import painted_at_scale, resized_style


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


def test_a_small_style_is_enlarged_by_the_scale_at_most_and_not_unasked():
    small = Style(torch.rand(1, 3, 40, 20))
    sizes = {scale: resized_style(small, (100, 800), scale).image.shape[-2:] for scale in (0.5, 1.0, 2.0, 16.0)}
    assert sizes == {0.5: (40, 20), 1.0: (40, 20), 2.0: (80, 40), 16.0: (640, 320)}
    assert resized_style(small, (20, 40), 2.0).image.shape[-2:] == (80, 40)


class Blocks(impasto.Stylizer, name="blocks-for-tests"):
    """Press the picture into blocks of eight pixels."""

    style = "ignored"
    multiple = 8
    style_scale: float = impasto.param(default=1.0, low=0.25, high=4, help="of the blocks")

    def stylize(self, content, styles, guides):
        return painted_at_scale(self, press, content, self.style_scale)


def press(image):
    assert not any(side % 8 for side in image.shape[-2:])
    return torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(image, 8), scale_factor=8.0)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_a_network_paints_strokes_of_another_length(scale):
    image = impasto.samples.content("cat", 128)
    painted = impasto.Pipeline(Blocks(style_scale=scale))(image, device="cpu").tensor
    side = int(8 * scale)
    blocks = torch.nn.functional.avg_pool2d(painted, side)
    expected = torch.nn.functional.avg_pool2d(image, side)
    assert painted.shape == image.shape
    assert (blocks - expected).abs().mean() < 0.02
    before = (image - press_to(expected, image)).abs().mean()
    assert (painted - press_to(blocks, image)).abs().mean() < 0.6 * before + 0.02


def press_to(blocks, image):
    return torch.nn.functional.interpolate(blocks, image.shape[-2:])


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_network_sees_as_much_around_the_picture_whatever_the_length_of_its_strokes(scale):
    seen = []

    class Looks(impasto.Stylizer, name="looks-for-tests"):
        """Note what the network is given."""

        style = "ignored"
        multiple = 8
        reflection_padding = 24

        def stylize(self, content, styles, guides):
            return painted_at_scale(self, lambda image: seen.append(image) or image, content, scale)

    impasto.Pipeline(Looks())(impasto.samples.content("cat", 96), device="cpu")
    (image,) = seen
    height, width = (round(side / scale) for side in impasto.samples.content("cat", 96).shape[-2:])
    assert min(image.shape[-2] - height, image.shape[-1] - width) >= 48
    assert (image[..., -1, :] - image[..., -2, :]).abs().mean() > 0  # a mirror, not a repeated line
