import numpy as np
import pytest
import torch
from skimage import color, data, exposure

import impasto
from impasto.testing import parametrize_checks
from impasto_histogram import EqualizeAdaptive, equalize_adaptive


@parametrize_checks(EqualizeAdaptive(), EqualizeAdaptive(tiles=3, limit=5))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def camera():
    return torch.from_numpy(data.camera()[::2, ::2].astype(np.float32) / 255)[None, None].contiguous()


@pytest.mark.parametrize("limit", [2.0, 4.0])
def test_clahe_agrees_with_scikit_image(camera, limit):
    found = equalize_adaptive(camera, 8, limit)[0, 0]
    # A clip limit of scikit-image is a share of the tile's pixels in one of 256 bins.
    wanted = exposure.equalize_adapthist(camera[0, 0].double().numpy(), clip_limit=limit / 256)
    assert np.abs(found.numpy() - wanted).mean() < 0.02
    assert np.abs(camera[0, 0].numpy() - wanted).mean() > 0.04
    assert np.corrcoef(found.flatten(), wanted.flatten())[0, 1] > 0.995


def test_one_tile_without_limit_is_histogram_equalisation(camera):
    wanted = exposure.equalize_hist(camera[0, 0].numpy(), nbins=256)
    # A bin's tones get the middle of its step there, and a straight line across it here.
    np.testing.assert_allclose(equalize_adaptive(camera, 1, 256)[0, 0], wanted, atol=0.03)


def test_the_limit_bounds_the_slope_and_1_changes_nothing(camera):
    ramp = torch.linspace(0, 1, 4001).view(1, 1, 1, -1)
    dark = torch.cat([ramp**4, ramp[..., :1000] * 0.1], -1)
    order = dark.flatten().argsort()
    found = equalize_adaptive(dark, 1, 3.0).flatten()[order]
    given = dark.flatten()[order]
    assert bool((found.diff() <= 3.0 * given.diff() + 1e-5).all())
    assert bool((found.diff() >= -1e-6).all())
    assert bool((found.diff() > 2.9 * given.diff())[given.diff() > 1e-5].any())
    torch.testing.assert_close(equalize_adaptive(camera, 8, 1.0), camera, atol=1e-5, rtol=0)


def test_a_smooth_gradient_stays_smooth():
    sky = 0.4 + 0.02 * torch.linspace(0, 1, 512).expand(1, 1, 256, 512)
    found = equalize_adaptive(sky, 4, 8.0)
    assert len(found[0, 0, 128].unique()) > 400  # 256 bins, yet straight lines between them
    assert found.diff().abs().max() < 8 * 0.02 / 511 + 2e-3


def test_only_lightness_changes():
    cat = impasto.samples.content("cat", 160)
    found = EqualizeAdaptive().refine(cat, cat, [])
    before, after = (color.rgb2lab(one[0].permute(1, 2, 0).double().numpy()) for one in (cat, found))
    inside = ((found > 0.002) & (found < 0.998)).all(1)[0].numpy()
    assert inside.mean() > 0.8
    np.testing.assert_allclose(after[..., 1:][inside], before[..., 1:][inside], atol=0.1)
    assert after[..., 0].std() > 1.2 * before[..., 0].std()


def test_colours_that_do_not_fit_are_desaturated_and_keep_their_hue():
    from impasto_histogram.light import fit_srgb

    loud = torch.tensor([1.3, 0.2, 0.1]).view(1, 3, 1, 1)
    pale = fit_srgb(loud)
    assert float(pale.max()) <= 1
    assert pale[0, 0] > pale[0, 1] > pale[0, 2]
    luminances = [
        float(impasto.functional.to_space(one, "linear").flatten() @ torch.tensor([0.2126, 0.7152, 0.0722]))
        for one in (loud, pale)
    ]
    assert luminances[0] == pytest.approx(luminances[1], rel=1e-3)
    plain = torch.rand(1, 3, 5, 5)
    assert torch.equal(fit_srgb(plain), plain)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 3), (17, 23)])
def test_small_and_narrow_pictures_are_taken(size):
    found = equalize_adaptive(torch.rand(2, 1, *size))
    assert found.shape == (2, 1, *size)
    assert bool(found.isfinite().all())


def test_errors_say_what_would_work():
    with pytest.raises(impasto.ParameterError, match="1 to 64"):
        EqualizeAdaptive(limit=0.5)
    with pytest.raises(impasto.ParameterError, match="tiles"):
        EqualizeAdaptive(tiles=0)
