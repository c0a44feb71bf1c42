import pytest
import torch

import impasto
from impasto.functional.filters import guided_filter
from impasto.testing import parametrize_checks
from impasto_smooth import (
    BilateralSmooth,
    Deblock,
    GuidedSmooth,
    PhotoSmooth,
    ScreenedPoisson,
    Seamless,
    TVDenoise,
    WLSSmooth,
)


@parametrize_checks(GuidedSmooth(), GuidedSmooth(guide="grey", strength=0.5), GuidedSmooth(radius=100, subsample=1))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def pair():
    """A noisy picture and its guide, part of a photograph, 23×31 pixels."""
    guide = impasto.samples.content("cat", 64)[..., 10:33, 8:39].contiguous()
    noise = torch.rand(guide.shape, generator=torch.Generator().manual_seed(0))
    return (guide.flip(1) * 0.7 + noise * 0.3), guide


def test_edges_of_the_content_stay_and_noise_goes():
    step = torch.zeros(1, 3, 40, 40)
    step[..., 20:] = 0.8
    noise = 0.1 * torch.randn(step.shape, generator=torch.Generator().manual_seed(0))
    found = GuidedSmooth().refine(step + noise, step, [])
    assert (found[..., 19] - found[..., 20]).abs().mean() > 0.75
    assert found[..., :20].std() < 0.02


def test_subsample_is_a_quarter_of_the_radius_unless_given(pair):
    image, guide = pair
    found = GuidedSmooth(radius=9).refine(image, guide, [])
    assert torch.equal(found, guided_filter(image, guide, 9, 1e-3, 2))
    assert torch.equal(GuidedSmooth(radius=3).refine(image, guide, []), guided_filter(image, guide, 3, 1e-3))
    exact = GuidedSmooth(radius=9, subsample=1).refine(image, guide, [])
    assert torch.equal(exact, guided_filter(image, guide, 9, 1e-3))


def test_strength_blends(pair):
    whole = GuidedSmooth().refine(*pair, [])
    half = GuidedSmooth(strength=0.5).refine(*pair, [])
    torch.testing.assert_close(half, (pair[0] + whole) / 2)
    assert torch.equal(GuidedSmooth(strength=0).refine(*pair, []), pair[0])


def test_the_grey_guide_is_the_contents_luminance(pair):
    image, content = pair
    luma = (content * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    found = GuidedSmooth(guide="grey", subsample=1).refine(image, content, [])
    assert torch.equal(found, guided_filter(image, luma, 8, 1e-3))


def test_errors_say_what_would_work():
    with pytest.raises(impasto.ParameterError, match="radius = 0 does not fit"):
        GuidedSmooth(radius=0)
    with pytest.raises(impasto.ParameterError, match="one of 'colour', 'grey'"):
        GuidedSmooth(guide="lab")


def test_hook_offers_the_stages():
    stages = (BilateralSmooth, Deblock, GuidedSmooth, PhotoSmooth, ScreenedPoisson, Seamless, TVDenoise, WLSSmooth)
    for stage in stages:
        assert impasto.get_host().postprocessors[stage.name] is stage
