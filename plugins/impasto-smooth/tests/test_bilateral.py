import numpy as np
import pytest
import torch
from skimage.restoration import denoise_bilateral

import impasto
from impasto.testing import parametrize_checks
from impasto_smooth import BilateralSmooth, bilateral_filter


@parametrize_checks(BilateralSmooth(), BilateralSmooth(guide="image", sigma_space=0.7))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture(scope="module")
def noisy():
    photo = impasto.samples.content("coffee", 72)
    return (photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)


def formula(image, guide, sigma_space, sigma_color, reach):
    """Tomasi and Manduchi 1998, pixel by pixel."""
    _, height, width = image.shape
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            near = np.s_[:, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            rows, columns = np.ogrid[
                near[1].start : min(height, near[1].stop), near[2].start : min(width, near[2].stop)
            ]
            apart = ((guide[near] - guide[:, y, x][:, None, None]) ** 2).sum(0)
            weight = np.exp(
                -((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma_space**2) - apart / (2 * sigma_color**2)
            )
            result[:, y, x] = (image[near] * weight).sum((1, 2)) / weight.sum()
    return result


@pytest.mark.parametrize("guided", [False, True])
def test_it_is_the_filter_of_the_paper(noisy, guided):
    guide = impasto.samples.content("coffee", 72) if guided else noisy
    found = bilateral_filter(noisy, guide, 1.2, 0.15)[0].numpy()
    exact = formula(noisy[0].double().numpy(), guide[0].double().numpy(), 1.2, 0.15, 4)
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_it_agrees_with_scikit_image(noisy):
    """On grey, with all spatial weights alike: its table of those is one column too wide (0.26)."""
    options = {"sigma_color": 0.2, "sigma_spatial": 1e6, "win_size": 5, "bins": 100_000}
    theirs = denoise_bilateral(noisy[0, 0].double().numpy(), **options)[2:-2, 2:-2]
    grey = noisy[:, :1]
    np.testing.assert_allclose(bilateral_filter(grey, grey, 1e6, 0.2, reach=2)[0, 0, 2:-2, 2:-2], theirs, atol=1e-3)


def test_noise_goes_and_edges_stay():
    edge = torch.full((1, 3, 40, 60), 0.2)
    edge[..., 30:] = 0.8
    noisy = edge + 0.05 * torch.randn(edge.shape, generator=torch.Generator().manual_seed(2))
    smooth = bilateral_filter(noisy, noisy, 2.0, 0.2)
    assert (smooth - edge).std() < 0.35 * (noisy - edge).std()
    assert (smooth[..., 30] - smooth[..., 29]).mean() > 0.55
