import numpy as np
import pytest
import torch
from skimage.restoration import denoise_tv_chambolle

import impasto
from impasto.testing import parametrize_checks
from impasto_smooth import TVDenoise, tv_denoise


@parametrize_checks(TVDenoise(), TVDenoise(weight=0.02, steps=20, joint=False))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture(scope="module")
def noisy():
    photo = impasto.samples.content("coffee", 72).double()
    return photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def energy(found, given, weight):
    """Rudin, Osher and Fatemi 1992, over all channels together."""
    across = np.diff(found, axis=-1, append=found[..., -1:])
    down = np.diff(found, axis=-2, append=found[..., -1:, :])
    return ((found - given) ** 2).sum() / 2 + weight * np.sqrt((across**2 + down**2).sum(0)).sum()


@pytest.mark.parametrize("weight", [0.05, 0.2])
def test_it_agrees_with_scikit_image(noisy, weight):
    found = tv_denoise(noisy, weight, steps=500, joint=False)[0].numpy()
    for channel in range(3):
        theirs = denoise_tv_chambolle(noisy[0, channel].numpy(), weight=weight, eps=1e-12, max_num_iter=10_000)
        np.testing.assert_allclose(found[channel], theirs, atol=2e-3)


def test_a_hundred_steps_come_within_a_step_of_8_bits_of_the_minimum(noisy):
    few, many = tv_denoise(noisy, 0.1), tv_denoise(noisy, 0.1, steps=3000)
    assert (few - many).square().mean().sqrt() < 1 / 255
    given = noisy[0].numpy()
    best = energy(many[0].numpy(), given, 0.1)
    for other in (few, noisy, tv_denoise(noisy, 0.1, 3000, joint=False), tv_denoise(noisy, 0.11, 3000)):
        assert energy(other[0].numpy(), given, 0.1) >= best


def test_no_weight_changes_nothing(noisy):
    assert torch.equal(tv_denoise(noisy, 0.0), noisy)
