import numpy as np
import pytest
import torch

import impasto
from impasto import Canvas, StageError
from impasto.testing import parametrize_checks
from impasto_segment import Saliency
from impasto_segment.saliency import manifold_ranking, ranking_matrix, spectral_residual
from impasto_segment.superpixels import adjacent_pairs, lab_array, segment_means, slic

METHODS = ["manifold-ranking", "spectral-residual"]


@parametrize_checks(Saliency(), Saliency(soft=True), Saliency(method="spectral-residual"))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def berry():
    """A red disc in front of grey-green noise, 100×140, and where it is."""
    inside = torch.hypot(torch.arange(100.0)[:, None] - 45, torch.arange(140.0) - 80) < 22
    image = torch.where(
        inside, torch.tensor([0.8, 0.1, 0.2])[:, None, None], torch.tensor([0.4, 0.5, 0.4])[:, None, None]
    )
    noise = torch.randn(3, 100, 140, generator=torch.Generator().manual_seed(0))
    return (image + 0.05 * noise).clamp(0, 1)[None], inside


def test_what_is_unlike_the_border_is_the_mask(berry):
    image, inside = berry
    mask = Saliency().apply(Canvas(image, image)).mask
    assert mask.shape == (1, 1, 100, 140)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    found = mask[0, 0] > 0
    assert (found & inside).sum() / (found | inside).sum() > 0.95


def test_the_spectral_residual_peaks_at_the_odd_one(berry):
    image, inside = berry
    salient = spectral_residual(image[0])
    assert salient[inside].mean() > 2 * salient[~inside].mean()


def test_a_soft_mask_keeps_the_order_of_the_map(berry):
    image, inside = berry
    mask = Saliency(soft=True).apply(Canvas(image, image)).mask[0, 0]
    assert 0 <= mask.min() < mask.max() <= 1
    assert len(mask.unique()) > 100
    assert mask[inside].mean() > 0.8
    assert mask[~inside].mean() < 0.2


def test_ranks_solve_the_papers_system():
    """(D − αW)f = y, with W written down node by node."""
    image = impasto.samples.content("coffee", 96)[0]
    labels = slic(image, 40)
    colours = segment_means(lab_array(image), labels)
    count = len(colours)
    touching = {tuple(pair) for pair in adjacent_pairs(labels)[0].tolist()}
    near = [{j for i, j in touching if i == n} | {i for i, j in touching if j == n} for n in range(count)]
    border = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
    joined = [
        set.union(near[n], *(near[m] for m in near[n]), border if n in border else set()) - {n} for n in range(count)
    ]
    away = {(i, j): np.linalg.norm(colours[i] - colours[j]) for i in range(count) for j in joined[i]}
    low, high = min(away.values()), max(away.values())
    weight = np.zeros((count, count))
    for (i, j), distance in away.items():
        weight[i, j] = np.exp(-((distance - low) / (high - low)) / 0.1)
    query = np.zeros(count)
    query[np.unique(labels[0])] = 1
    solution = np.linalg.solve(np.diag(weight.sum(1)) - 0.99 * weight, query)
    found = ranking_matrix(colours, labels) @ query
    others = query == 0  # a query's own vote is left out
    np.testing.assert_allclose(found[others], solution[others], rtol=1e-6)


def test_the_residual_is_that_of_the_paper():
    """By the formula, on a picture of the size that the method works at."""
    image = impasto.samples.content("cat", 120)[0, :, 10:74, 20:84].contiguous()
    grey = np.tensordot((0.299, 0.587, 0.114), image.double().numpy(), 1)
    spectrum = np.fft.fft2(grey)
    logs = np.log(np.abs(spectrum) + 1e-9)
    mean = sum(np.roll(logs, (down, across), (0, 1)) for down in (-1, 0, 1) for across in (-1, 0, 1)) / 9
    back = np.abs(np.fft.ifft2(np.exp(logs - mean) * spectrum / np.abs(spectrum))) ** 2
    place = np.arange(-10, 11)
    kernel = np.exp(-(place**2) / (2 * 2.5**2))
    kernel /= kernel.sum()
    padded = np.pad(back, 10, mode="symmetric")
    smooth = np.array([[kernel @ padded[y : y + 21, x : x + 21] @ kernel for x in range(64)] for y in range(64)])
    expected = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    np.testing.assert_allclose(spectral_residual(image).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_salient_is_an_error_and_in_one_of_two_a_warning(berry, method):
    image, _ = berry
    flat = torch.full_like(image, 0.5)
    with pytest.raises(StageError, match="no foreground found"):
        Saliency(method=method).apply(Canvas(flat, flat))
    both = torch.cat([image, flat])
    with pytest.warns(UserWarning, match="no foreground found in picture 2 of 2"):
        mask = Saliency(method=method).apply(Canvas(both, both)).mask
    assert torch.equal(mask[:1], Saliency(method=method).apply(Canvas(image, image)).mask)
    assert not mask[1].any()


def test_the_mask_that_was_there_still_holds(berry):
    image, _ = berry
    left = torch.zeros(1, 1, 100, 140)
    left[..., :80] = 1
    mask = Saliency().apply(Canvas(image, image, mask=left)).mask
    assert mask[..., 65:78].any()
    assert not mask[..., 80:].any()


def test_maps_lie_in_the_unit_range():
    cat = impasto.samples.content("cat", 120)[0]
    for salient in (manifold_ranking(cat), spectral_residual(cat)):
        assert salient.shape == cat.shape[-2:]
        assert salient.min() >= 0
        assert salient.max() <= 1
        assert salient.max() > 0.9
