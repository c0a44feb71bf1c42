import warnings

import numpy as np
import pytest
import torch
from skimage import color, data, exposure

import impasto
from impasto.testing import parametrize_checks
from impasto_histogram import MatchHistogram, match_histograms


@parametrize_checks(
    MatchHistogram(),
    MatchHistogram(space="lab", strength=0.5),
    MatchHistogram(space="luminance"),
    MatchHistogram(reference="content"),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def pictures():
    """Two photographs of 8 bits and different size."""
    cat = impasto.read(data.chelsea()).tensor[..., ::3, ::3]
    coffee = impasto.read(data.coffee()).tensor[..., ::4, ::4]
    return cat.contiguous(), coffee.contiguous()


def expected(image, reference):
    return exposure.match_histograms(
        image.double().permute(1, 2, 0).numpy(), reference.double().permute(1, 2, 0).numpy(), channel_axis=-1
    ).transpose(2, 0, 1)


def test_pictures_of_8_bits_are_matched_as_scikit_image_does(pictures):
    found = match_histograms(*pictures)[0]
    np.testing.assert_allclose(found, expected(pictures[0][0], pictures[1][0]), atol=1e-6)


def test_pictures_of_16_bits_are_matched_as_scikit_image_does(pictures):
    generator = torch.Generator().manual_seed(0)
    image, reference = (
        (torch.rand(1, 3, h, w, generator=generator) ** power * 65535).round() / 65535
        for h, w, power in ((37, 53, 1), (64, 41, 3))
    )
    np.testing.assert_allclose(match_histograms(image, reference)[0], expected(image[0], reference[0]), atol=1e-6)


def test_values_between_are_matched_to_16_bits(pictures):
    image = (pictures[0] * 0.9 + torch.rand(pictures[0].shape, generator=torch.manual_seed(1)) * 0.1).clamp(0, 1)
    reference = pictures[1] ** 1.3
    found = match_histograms(image, reference)[0]
    rounded = [(picture[0] * 65535).round() / 65535 for picture in (image, reference)]
    np.testing.assert_allclose(found, expected(*rounded), atol=1e-6)
    assert np.abs(found.numpy() - expected(image[0], reference[0])).mean() < 5e-5


def test_a_flat_picture_and_a_flat_reference_are_taken(pictures):
    flat = torch.full((1, 3, 5, 7), 0.25)
    np.testing.assert_allclose(match_histograms(flat, pictures[1])[0], expected(flat[0], pictures[1][0]), atol=1e-6)
    np.testing.assert_allclose(match_histograms(pictures[0], flat), np.full(pictures[0].shape, 0.25), atol=1e-5)


def test_a_picture_matched_to_itself_is_itself(pictures):
    np.testing.assert_allclose(match_histograms(pictures[0], pictures[0]), pictures[0], atol=1e-6)


def test_several_references_are_averaged_by_quantiles():
    generator = torch.Generator().manual_seed(0)
    image, one, two = (torch.rand(1, 1, 40, 50, generator=generator) for _ in range(3))
    one, two = one * 0.5, two**2
    found = match_histograms(image, [one, two], [3, 1])
    steps = np.linspace(0.05, 0.95, 19)
    wanted = 0.75 * np.quantile(one, steps) + 0.25 * np.quantile(two, steps)
    np.testing.assert_allclose(np.quantile(found, steps), wanted, atol=2e-3)


def test_each_picture_of_a_batch_has_its_own_reference(pictures):
    cat, coffee = pictures
    batch, references = torch.cat([cat, 1 - cat]), torch.cat([coffee, coffee.flip(1)])
    found = match_histograms(batch, references)
    for index in range(2):
        alone = match_histograms(batch[index : index + 1], references[index : index + 1])
        assert torch.equal(found[index : index + 1], alone)


def style(picture, weight=1.0):
    return impasto.Style(picture, weight=weight)


def test_luminance_is_matched_and_colour_differences_stay(pictures):
    cat, coffee = pictures[0] * 0.5 + 0.25, pictures[1] * 0.3 + 0.35
    found = MatchHistogram(space="luminance").refine(cat, cat, [style(coffee)])
    weights = np.array([0.299, 0.587, 0.114])
    lumas = [np.tensordot(weights, picture[0].double().numpy(), 1) for picture in (cat, coffee, found)]
    np.testing.assert_allclose(lumas[2], exposure.match_histograms(lumas[0], lumas[1]), atol=2e-3)
    np.testing.assert_allclose(found[:, 0] - found[:, 2], cat[:, 0] - cat[:, 2], atol=1e-6)


def test_lab_is_matched_channel_by_channel(pictures):
    cat, coffee = (color.rgb2lab(picture[0].permute(1, 2, 0).numpy()) for picture in pictures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-image reports colours that sRGB does not have
        wanted = color.lab2rgb(exposure.match_histograms(cat, coffee, channel_axis=-1))
    found = MatchHistogram(space="lab").refine(pictures[0], pictures[0], [style(pictures[1])])
    np.testing.assert_allclose(found[0].permute(1, 2, 0), wanted, atol=5e-3)


def test_lab_keeps_its_digits_under_autocast(pictures):
    stage, given = MatchHistogram(space="lab"), (pictures[0], pictures[0], [style(pictures[1])])
    exact = stage.refine(*given)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(stage.refine(*given), exact)


def test_strength_blends_and_content_can_be_the_reference(pictures):
    cat, coffee = pictures
    whole = MatchHistogram(reference="content").refine(cat, coffee, [])
    half = MatchHistogram(reference="content", strength=0.5).refine(cat, coffee, [])
    torch.testing.assert_close(whole, match_histograms(cat, coffee))
    torch.testing.assert_close(half, (cat + whole) / 2)
    assert torch.equal(MatchHistogram(strength=0).refine(cat, coffee, [style(coffee)]), cat)


def test_errors_say_what_would_work(pictures):
    cat, coffee = pictures
    with pytest.raises(impasto.StageError, match="MatchHistogram\\(reference='content'\\)"):
        MatchHistogram().refine(cat, cat, [])
    with pytest.raises(impasto.StageError, match="sum is above 0"):
        MatchHistogram().refine(cat, cat, [style(coffee, 1), style(coffee, -1)])
    with pytest.raises(ValueError, match="at least one reference"):
        match_histograms(cat, [])
    with pytest.raises(impasto.ParameterError, match="one of 'rgb', 'lab', 'luminance'"):
        MatchHistogram(space="hsv")


def test_hook_offers_the_stage():
    assert impasto.host().postprocessors["match-histogram"] is MatchHistogram
