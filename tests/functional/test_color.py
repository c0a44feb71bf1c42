import numpy as np
import pytest
import torch
from skimage import color, data

import impasto
from impasto.functional.color import SPACES, fit_gamut, from_space, luma, to_space


@pytest.fixture
def photograph():
    return impasto.read(data.chelsea()).tensor[..., ::3, ::3].contiguous()


def cube(levels=6):
    steps = torch.linspace(0, 1, levels)  # black and white too
    return torch.cartesian_prod(steps, steps, steps).T.reshape(1, 3, levels, levels * levels)


@pytest.mark.parametrize("space", SPACES)
def test_colour_spaces_return_what_they_were_given(space):
    np.testing.assert_allclose(from_space(to_space(cube(), space), space), cube(), atol=1e-4)


@pytest.mark.parametrize("space", SPACES)
def test_colours_beyond_the_gamut_are_not_clipped(space):
    values = to_space(cube(), space)
    values = values.mean((2, 3), keepdim=True).lerp(values, 1.1)
    back = from_space(values, space)
    assert back.min() < -1e-3
    assert back.max() > 1 + 1e-3


def test_lab_is_that_of_scikit_image(photograph):
    expected = color.rgb2lab(photograph[0].permute(1, 2, 0).numpy()) / 100
    np.testing.assert_allclose(to_space(photograph, "lab")[0].permute(1, 2, 0), expected, atol=1e-4)


def test_ycbcr_is_that_of_scikit_image(photograph):
    expected = color.rgb2ypbpr(photograph[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(to_space(photograph, "ycbcr")[0].permute(1, 2, 0), expected, atol=1e-3)
    torch.testing.assert_close(luma(photograph), to_space(photograph, "ycbcr")[:, :1])


@pytest.mark.parametrize("space", ["lab", "ycbcr"])
def test_grey_has_no_colour(space):
    values = to_space(torch.linspace(0, 1, 9).expand(1, 3, 1, 9).contiguous(), space)
    assert values[:, 1:].abs().max() < 1e-3
    assert (values[0, 0, 0].diff() > 0).all()


def test_lalphabeta_of_white_and_grey_is_colourless():
    values = to_space(torch.tensor([1.0, 0.5, 0.1]).expand(1, 3, 1, 3).contiguous(), "lalphabeta")
    # The published matrix is rounded: its rows add up to 0.9996, 0.9993 and 0.9973.
    assert values[:, 1:].abs().max() < 2e-3
    assert (values[0, 0, 0].diff() < 0).all()


def test_spaces_keep_their_digits_under_autocast(photograph):
    with torch.autocast("cpu", torch.bfloat16):
        for space in SPACES:
            back = from_space(to_space(photograph, space), space)
            assert (back - photograph).abs().max() < 1e-4


def test_an_unknown_space_is_refused(photograph):
    for convert in (to_space, from_space):
        with pytest.raises(ValueError, match="no colour space 'hsv'\n  what would work: rgb, linear"):
            convert(photograph, "hsv")


def test_gamut_is_reached_by_paling_and_luma_stays(photograph):
    strong = luma(photograph).lerp(photograph, 3.0)
    fitted = fit_gamut(strong)
    assert fitted.min() >= 0
    assert fitted.max() <= 1
    torch.testing.assert_close(luma(fitted), luma(strong), atol=1e-5, rtol=0)
    ratio = (fitted - luma(fitted)) / (strong - luma(strong))
    # One factor for the three channels of a pixel: the hue does not turn.
    assert (ratio.amax(1) - ratio.amin(1))[(strong - luma(strong)).abs().amin(1) > 0.01].max() < 1e-3
    assert torch.equal(fit_gamut(photograph), photograph)
