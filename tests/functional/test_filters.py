"""Box means and the guided filter, against the papers' definitions."""

import numpy as np
import pytest
import torch

import impasto
from impasto.functional.filters import block_mean, box_mean, guided_filter


def windows(height, width, radius):
    for y in range(height):
        for x in range(width):
            rows = slice(max(0, y - radius), y + radius + 1)
            columns = slice(max(0, x - radius), x + radius + 1)
            yield y, x, rows, columns


def by_definition(image, guide, radius, eps):
    """The filter as the paper states it: a ridge regression in every window, then the mean prediction."""
    image, guide = image.double().numpy(), guide.double().numpy()
    (channels, height, width), depth = image.shape, guide.shape[0]
    slopes = np.zeros((channels, depth, height, width))
    offsets = np.zeros((channels, height, width))
    for y, x, rows, columns in windows(height, width, radius):
        p = image[:, rows, columns].reshape(channels, -1)
        i = guide[:, rows, columns].reshape(depth, -1)
        covariance = np.cov(i, bias=True).reshape(depth, depth) + eps * np.eye(depth)
        cross = (p - p.mean(1, keepdims=True)) @ (i - i.mean(1, keepdims=True)).T / p.shape[1]
        slopes[:, :, y, x] = cross @ np.linalg.inv(covariance)
        offsets[:, y, x] = p.mean(1) - slopes[:, :, y, x] @ i.mean(1)
    result = np.zeros_like(image)
    for y, x, rows, columns in windows(height, width, radius):
        slope = slopes[:, :, rows, columns].mean((2, 3))
        result[:, y, x] = slope @ guide[:, y, x] + offsets[:, rows, columns].mean((1, 2))
    return result


@pytest.fixture
def pair():
    """A noisy picture and its guide, part of a photograph, 23×31 pixels."""
    guide = impasto.samples.content("cat", 64)[..., 10:33, 8:39].contiguous()
    noise = torch.rand(guide.shape, generator=torch.Generator().manual_seed(0))
    return (guide.flip(1) * 0.7 + noise * 0.3), guide


@pytest.mark.parametrize("radius", [1, 2, 3, 5, 8, 11, 22, 30, 500])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_the_filter_of_the_paper(pair, radius, channels):
    image, guide = pair[0], pair[1][:, :channels]
    found = guided_filter(image, guide, radius, 1e-3)
    np.testing.assert_allclose(found[0], by_definition(image[0], guide[0], radius, 1e-3), atol=5e-5)


def test_it_stays_exact_for_a_tiny_eps_and_a_flat_guide(pair):
    image, guide = pair
    found = guided_filter(image, guide, 4, 1e-6)
    np.testing.assert_allclose(found[0], by_definition(image[0], guide[0], 4, 1e-6), atol=5e-3)
    flat = guided_filter(image, torch.full_like(guide, 0.5), 4, 1e-3)
    np.testing.assert_allclose(flat, box_mean(box_mean(image, 4), 4), atol=1e-4)


@pytest.mark.parametrize("radius", [0, 1, 2, 7, 12, 13, 99])
def test_box_mean_counts_only_pixels_of_the_picture(radius):
    values = torch.rand(2, 2, 13, 9, generator=torch.Generator().manual_seed(0))
    expected = np.zeros(values.shape)
    for y, x, rows, columns in windows(13, 9, radius):
        expected[:, :, y, x] = values[:, :, rows, columns].double().mean((2, 3))
    np.testing.assert_allclose(box_mean(values, radius), expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(96, 128), (97, 131)])
@pytest.mark.parametrize(("radius", "subsample"), [(8, 2), (16, 4), (200, 8)])
def test_a_coarser_grid_gives_nearly_the_same_picture(height, width, radius, subsample):
    guide = impasto.samples.content("astronaut", 160)[..., :height, :width].contiguous()
    noise = 0.2 * torch.randn(guide.shape, generator=torch.Generator().manual_seed(0))
    image = guide.roll(3, -1) + noise
    exact = guided_filter(image, guide, radius, 1e-3)
    coarse = guided_filter(image, guide, radius, 1e-3, subsample)
    assert (coarse - exact).abs().mean() < 0.03 * (exact - image).abs().mean()


def test_a_grid_coarser_than_the_picture_is_one_fit_for_all_of_it(pair):
    image, guide = (picture[..., :5, :7] for picture in pair)
    coarse = guided_filter(image, guide, 1000, 1e-3, 250)
    torch.testing.assert_close(coarse, guided_filter(image, guide, 1000, 1e-3), atol=1e-5, rtol=0)


def test_each_picture_of_a_batch_is_filtered_alone(pair):
    image, guide = pair
    images, guides = torch.cat([image, 1 - image]), torch.cat([guide, guide.flip(-1)])
    for subsample in (1, 2):
        found = guided_filter(images, guides, 4, 1e-3, subsample)
        for index in range(2):
            alone = guided_filter(images[index : index + 1], guides[index : index + 1], 4, 1e-3, subsample)
            torch.testing.assert_close(found[index : index + 1], alone)


def test_a_guide_of_another_size_is_refused(pair):
    with pytest.raises(ValueError, match="a guide of the image's height and width"):
        guided_filter(pair[0], pair[1][..., 1:], 2, 1e-3)


@pytest.mark.parametrize("size", [(12, 18), (13, 18), (12, 17), (2, 5)])
def test_block_mean_is_the_mean_of_blocks_cut_off_at_the_border(size):
    values = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    found = block_mean(values, 3)
    for y in range(found.shape[-2]):
        for x in range(found.shape[-1]):
            block = values[..., 3 * y : 3 * y + 3, 3 * x : 3 * x + 3]
            torch.testing.assert_close(found[..., y, x], block.mean((2, 3)))
