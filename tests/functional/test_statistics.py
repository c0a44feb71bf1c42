"""Statistics against NumPy and closed forms."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch

from impasto.functional import statistics
from impasto.functional.statistics import Moments


@pytest.fixture
def features():
    return torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0)) + 1


def test_gram_and_covariance_equal_numpy(features):
    for picture, gram, (centre, covariance) in zip(
        features, statistics.gram(features), zip(*statistics.covariance(features), strict=True), strict=True
    ):
        flat = picture.flatten(1).double().numpy()
        np.testing.assert_allclose(gram, flat @ flat.T / flat.shape[1], rtol=1e-5)
        np.testing.assert_allclose(covariance, np.cov(flat, bias=True), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(centre.flatten(), flat.mean(1), rtol=1e-5)


def test_mean_and_deviation_equal_numpy(features):
    centre, spread = statistics.mean_std(features, eps=0)
    np.testing.assert_allclose(centre[..., 0, 0], features.numpy().mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(spread[..., 0, 0], features.numpy().std((2, 3)), rtol=1e-5)


@pytest.mark.parametrize("statistic", [statistics.variance, statistics.covariance])
@pytest.mark.parametrize("values", [1, 71, 150, 1 << 19])
def test_moments_looked_at_part_by_part_are_those_of_the_whole(features, statistic, values, monkeypatch):
    monkeypatch.setattr(statistics, "PART", values)
    found = statistics.Moments.of(features + 100, statistic)
    mean, spread = statistic(features.double() + 100)
    torch.testing.assert_close(found.mean, mean.float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.spread, spread.float(), atol=1e-3, rtol=0)
    assert found.weight == 42


def test_weights_of_zero_and_one_equal_cutting_the_region_out(features):
    weights = torch.zeros(1, 1, 6, 7)
    weights[..., 1:4, 2:6] = 3.0
    inside = features[..., 1:4, 2:6]
    assert torch.allclose(statistics.gram(features, weights), statistics.gram(inside), atol=1e-5)
    assert torch.allclose(statistics.mean(features, weights), statistics.mean(inside), atol=1e-6)
    for weighted, cut in ((statistics.mean_std, 0), (statistics.covariance, 1)):
        assert torch.allclose(weighted(features, weights)[cut], weighted(inside)[cut], atol=1e-5)
        assert torch.allclose(weighted(features, weights)[1], weighted(inside)[1], atol=1e-5)


def test_an_empty_region_is_an_error_not_a_nan(features):
    with pytest.raises(ValueError, match="the region is empty"):
        statistics.gram(features, torch.zeros(1, 1, 6, 7))


def test_powers_of_a_matrix_equal_scipy():
    from scipy.linalg import inv, sqrtm

    _, matrix = statistics.covariance(torch.randn(1, 6, 40, 40, generator=torch.Generator().manual_seed(1)))
    root = sqrtm(matrix[0].double().numpy()).real
    np.testing.assert_allclose(statistics.matrix_power(matrix, 0.5)[0], root, atol=1e-4)
    np.testing.assert_allclose(statistics.matrix_power(matrix, -0.5)[0], inv(root), atol=1e-4)


def test_whitening_a_rank_deficient_region_is_finite_and_white_where_there_is_signal():
    thin = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(2))
    wide = torch.cat([thin, thin, torch.zeros_like(thin)], 1)
    _, matrix = statistics.covariance(wide)
    whitening = statistics.matrix_power(matrix, -0.5)
    values = torch.linalg.eigvalsh(whitening @ matrix @ whitening)[0]
    assert torch.allclose(values, torch.tensor([0.0, 0, 0, 0, 1, 1]), atol=1e-4)


def test_halves_are_summed_in_float32_even_under_autocast(features):
    exact = statistics.gram(features.bfloat16().float())
    with torch.autocast("cpu", torch.bfloat16):
        found = statistics.gram(features.bfloat16())
    assert found.dtype == torch.float32
    assert torch.allclose(found, exact, rtol=1e-6)


@pytest.mark.parametrize("rank", [0, 1, 3, 20, 51, 128])
def test_eigenvalues_of_low_ranks_and_dead_channels_are_finite_and_right(rank):
    # LAPACK's float32 solver gives NaN for about one in seven such matrices of real features.
    rng = torch.Generator().manual_seed(rank)
    for scale in (1e-20, 1.0, 1e15):
        features = torch.relu(torch.randn(128, 40, generator=rng)) @ torch.relu(torch.randn(40, 900, generator=rng))
        features[rank:] = 0
        matrix = scale * (features @ features.mT)[None] / 900
        values, vectors = statistics.eigh(matrix)
        assert torch.isfinite(values).all()
        assert torch.isfinite(vectors).all()
        again = (vectors * values[:, None]) @ vectors.mT
        assert (again - matrix).abs().max() <= 1e-4 * matrix.abs().max()
        assert torch.isfinite(statistics.matrix_power(matrix, -0.5)).all()


@pytest.mark.parametrize("statistic", [statistics.variance, statistics.covariance])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_pieces_add_up_to_those_of_the_whole(statistic, weighted):
    rng = torch.Generator().manual_seed(7)
    features = 100 + torch.rand(2, 5, 12, 40, generator=rng)
    features[..., 20:] += 3
    weights = torch.rand(2, 1, 12, 40, generator=rng) if weighted else None
    if weighted:
        weights[0, ..., :16] = 0  # a whole piece of one picture
    pieces = [
        Moments.of(features[..., at : at + 8], statistic, None if weights is None else weights[..., at : at + 8])
        for at in range(0, 40, 8)
    ]
    moments = reduce(add, pieces)
    mean, spread = statistic(features.double(), None if weights is None else weights.double())
    torch.testing.assert_close(moments.mean.double(), mean.double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(moments.spread.double(), spread.double(), atol=1e-3, rtol=0)
