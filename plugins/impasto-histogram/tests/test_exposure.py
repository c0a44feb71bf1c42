import numpy as np
import pytest
import torch

import impasto
from impasto.functional.color import from_space, to_space
from impasto.testing import parametrize_checks
from impasto_histogram import MatchExposure, match_exposure


@parametrize_checks(MatchExposure(), MatchExposure(reference="style"), MatchExposure(contrast=0))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 160)


@pytest.fixture
def rocket():
    return impasto.samples.content("rocket", 160)


def luminance(picture):
    return np.tensordot([0.2126, 0.7152, 0.0722], to_space(picture, "linear")[0].double().numpy(), 1)


def measured(picture):
    """Log-average luminance and the standard deviation of its logarithm, as the paper defines the first."""
    logarithm = np.log(luminance(picture) + 0.05)  # with the viewing flare of sRGB
    return np.exp(logarithm.mean()), logarithm.std()


@pytest.mark.parametrize(("name", "other"), [("cat", "rocket"), ("coffee", "astronaut"), ("astronaut", "coffee")])
def test_log_average_and_contrast_become_the_references(name, other):
    image, reference = (impasto.samples.content(one, 160) for one in (name, other))
    key, contrast = measured(match_exposure(image, reference))
    assert key == pytest.approx(measured(reference)[0], rel=0.01)
    assert contrast == pytest.approx(measured(reference)[1], rel=0.04)
    assert measured(image) != pytest.approx(measured(reference), rel=0.1)


def test_contrast_is_at_most_doubled(cat):
    fog = 0.45 + 0.1 * cat
    key, contrast = measured(match_exposure(fog, cat))
    assert key == pytest.approx(measured(cat)[0], rel=0.01)
    assert 1.3 * measured(fog)[1] < contrast < 2.1 * measured(fog)[1] < measured(cat)[1]


def test_a_picture_of_a_batch_without_the_region_stays(cat, rocket):
    part = torch.ones(2, 1, *rocket.shape[-2:])
    part[1] = 0
    found = match_exposure(torch.cat([cat, cat]), rocket, parts=[part])
    torch.testing.assert_close(found[:1], match_exposure(cat, rocket), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1:], cat, atol=2e-3, rtol=0)


def test_a_picture_taken_two_stops_darker_is_brought_back(cat):
    darker = from_space(to_space(cat, "linear") / 4, "linear")
    found = match_exposure(darker, cat)
    assert (found - cat).abs().mean() < 0.02
    assert (darker - cat).abs().mean() > 0.2


def test_a_picture_matched_to_itself_is_itself(cat):
    torch.testing.assert_close(match_exposure(cat, cat), cat, atol=2e-3, rtol=0)


def test_hues_stay(cat, rocket):
    found = match_exposure(cat, rocket)
    # Each pixel's colour lies on the line between its grey and what it was.
    before, after = (to_space(one, "linear")[0].double().numpy() for one in (cat, found))
    ways = [light - luminance(one) for light, one in ((before, cat), (after, found))]
    lengths = [np.sqrt((way**2).sum(0)) for way in ways]
    coloured = (lengths[0] > 0.01) & (lengths[1] > 0.001)
    cosine = (ways[0] * ways[1]).sum(0)[coloured] / (lengths[0] * lengths[1])[coloured]
    assert coloured.mean() > 0.5
    assert cosine.min() > 0.9999


def test_tones_keep_their_order_and_highlights_are_not_clipped(rocket, cat):
    ramp = torch.linspace(0, 1, 1000).expand(1, 3, 1, 1000)
    found = match_exposure(ramp**2, ramp)[0, 0, 0]
    assert found[0] == 0
    assert bool((found.diff() >= -1e-6).all())
    brightened = match_exposure(rocket, cat)
    assert float((luminance(brightened) > 0.999).mean()) <= float((luminance(rocket) > 0.98).mean()) + 1e-3


def test_half_the_exposure_is_half_the_stops(cat, rocket):
    keys = [np.log2(measured(match_exposure(cat, rocket, exposure=share, contrast=0))[0]) for share in (0, 0.5, 1)]
    assert keys[1] == pytest.approx((keys[0] + keys[2]) / 2, abs=0.02)
    nothing = match_exposure(cat, rocket, exposure=0, contrast=0)
    torch.testing.assert_close(nothing, cat, atol=2e-3, rtol=0)


def test_several_references_are_averaged_in_stops(cat, rocket):
    dark, mild = (from_space(to_space(cat, "linear") / by, "linear") for by in (8, 2))
    found = match_exposure(rocket, [dark, mild], [1, 1], contrast=0)
    wanted = np.sqrt(measured(dark)[0] * measured(mild)[0])
    assert measured(found)[0] == pytest.approx(wanted, rel=0.03)


def test_statistics_are_taken_inside_the_mask(cat, rocket):
    mask = torch.zeros(1, 1, *cat.shape[-2:])
    mask[..., :70] = 1
    canvas = impasto.Canvas(content=cat, image=cat, styles=(impasto.Style(rocket),), mask=mask)
    found = MatchExposure(reference="style").apply(canvas).image
    assert torch.equal(found[..., 70:], cat[..., 70:])
    torch.testing.assert_close(found[..., :70], match_exposure(cat[..., :70], rocket), atol=3e-3, rtol=0)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_are_taken(cat, value):
    flat = torch.full((1, 3, 5, 7), value)
    assert bool(match_exposure(flat, cat).isfinite().all())
    assert bool(match_exposure(cat, flat).isfinite().all())


def test_errors_say_what_would_work(cat):
    with pytest.raises(impasto.StageError, match="MatchExposure\\(reference='content'\\)"):
        MatchExposure(reference="style").refine_regions(cat, cat, [], None)
    with pytest.raises(ValueError, match="sum is above 0"):
        match_exposure(cat, [cat, cat], [1, -1])
    with pytest.raises(impasto.ParameterError, match="0 to 1"):
        MatchExposure(contrast=2)
