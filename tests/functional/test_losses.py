"""The losses of style and content, against closed forms and NumPy."""

import numpy
import pytest
import scipy.linalg
import scipy.stats
import torch
from torch import Tensor

from impasto.functional import losses
from impasto.functional.losses import STATISTICS


def features(seed: int, channels: int = 5, height: int = 6, width: int = 7) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=rng)
    raw = torch.einsum("ij,bjhw->bihw", mixing, torch.randn(1, channels, height, width, generator=rng))
    return torch.relu(raw + 0.3)


def table(values: Tensor) -> numpy.ndarray:
    """Features as positions × channels, in double precision."""
    return values[0].flatten(1).T.double().numpy()


def test_gram_is_the_mean_of_outer_products():
    x = table(features(1))
    (found,) = losses.measure_gram(features(1))
    numpy.testing.assert_allclose(found[0], x.T @ x / len(x), rtol=1e-5)


def test_covariance_is_numpys():
    x = table(features(2))
    mean, covariance = losses.measure_covariance(features(2))
    numpy.testing.assert_allclose(mean.flatten(), x.mean(0), rtol=1e-5)
    numpy.testing.assert_allclose(covariance[0], numpy.cov(x.T, bias=True), rtol=1e-4, atol=1e-5)


def test_wasserstein2_is_gelbrichs_formula():
    x, y = table(features(3)), table(features(4))
    a, b = numpy.cov(x.T, bias=True), numpy.cov(y.T, bias=True)
    root = scipy.linalg.sqrtm(b)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum()
    expected += numpy.trace(a + b - 2 * scipy.linalg.sqrtm(root @ a @ root).real)
    power = (y.mean(0) ** 2).sum() + numpy.trace(b)
    kind = STATISTICS["wasserstein2"](features(4))
    found = kind.distance(kind.measure(features(3), None), kind.target(kind.measure(features(4), None)))
    assert found.item() == pytest.approx(expected / power, rel=2e-3)


def test_linear_mmd_is_the_distance_of_means():
    x, y = table(features(5)), table(features(6))
    pairs = (x @ x.T).mean() + (y @ y.T).mean() - 2 * (x @ y.T).mean()
    kind = STATISTICS["mmd-linear"](features(6))
    found = kind.distance(kind.measure(features(5), None), kind.measure(features(6), None))
    assert found.item() == pytest.approx(pairs / (y.mean(0) ** 2).sum(), rel=1e-4)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_polynomial_mmd_is_the_sum_over_all_pairs(offset: float):
    x, y = table(features(7)), table(features(8))
    c = offset * numpy.trace(y.T @ y / len(y))
    kernel = [((p @ q.T + c) ** 2).mean() for p, q in ((x, x), (y, y), (x, y))]
    gram, mean = y.T @ y / len(y), y.mean(0)
    found = losses.polynomial_distance(
        losses.measure_polynomial(features(7)), losses.measure_polynomial(features(8)), offset
    )
    power = (gram**2).sum() + 2 * c * (mean**2).sum()
    assert found.item() == pytest.approx((kernel[0] + kernel[1] - 2 * kernel[2]) / power, rel=1e-3)


def test_polynomial_mmd_without_offset_is_the_gram_loss():
    one, other = features(7), features(8)
    gram = losses.relative_distance(losses.measure_gram(one), losses.measure_gram(other))
    found = losses.polynomial_distance(losses.measure_polynomial(one), losses.measure_polynomial(other), 0.0)
    assert found.item() == pytest.approx(gram.item(), rel=1e-5)


def test_gaussian_mmd_estimates_the_sum_over_all_pairs():
    x, y = table(features(9)), table(features(10))
    variance = 2 * y.var(0).sum()

    def kernel(p: numpy.ndarray, q: numpy.ndarray) -> float:
        return float(numpy.exp(-((p[:, None] - q[None]) ** 2).sum(-1) / (2 * variance)).mean())

    frequencies = losses.gaussian_frequencies(features(10), 20_000)
    found = losses.relative_distance(
        losses.measure_gaussian(features(9), frequencies=frequencies),
        losses.measure_gaussian(features(10), frequencies=frequencies),
    )
    expected = (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)) / kernel(y, y)
    assert found.item() == pytest.approx(expected, rel=0.05)


def test_histogram_loss_knows_histograms_and_nothing_else():
    some = features(11)
    shuffled = some.flatten(2)[..., torch.randperm(42)].view_as(some)

    def loss(found: Tensor, wanted: Tensor) -> float:
        return losses.relative_distance(losses.measure_histogram(found), losses.measure_histogram(wanted)).item()

    assert loss(shuffled, some) == 0
    assert loss(2 * some, some) == pytest.approx(1, rel=1e-5)


def test_content_loss_and_total_variation():
    some = features(12)
    assert losses.content_loss(some, some).item() == 0
    assert losses.content_loss(1.5 * some, some).item() == pytest.approx(0.25)
    ramp = torch.arange(8.0).expand(1, 3, 4, 8)
    assert losses.total_variation(ramp).item() == pytest.approx(1.0)


@pytest.mark.parametrize("soft", [False, True])
def test_sorted_projections_are_as_far_apart_as_scipy_says(soft: bool):
    found, style = features(30, height=40, width=50), features(31, height=32, width=32)
    weights = torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(2)) ** 3 if soft else None
    directions = losses.sliced_directions(style, 6, torch.Generator().manual_seed(1))
    one = losses.measure_sliced(found, weights, directions=directions)[0][0]
    other = losses.measure_sliced(style, directions=directions)[0][0]
    shares = None if weights is None else weights.flatten()
    for number, direction in enumerate(directions.double().numpy()):
        expected = scipy.stats.wasserstein_distance(table(found) @ direction, table(style) @ direction, shares)
        assert (one - other)[number].abs().mean().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_are_zero_at_the_style_and_blind_to_place(name: str):
    style = features(13)
    kind = STATISTICS[name](style)
    target = kind.target(kind.measure(style, None))
    moved = style.roll((2, 3), (2, 3))
    assert kind.distance(kind.measure(moved, None), target).item() == pytest.approx(0, abs=1e-5)
    assert kind.distance(kind.measure(features(14), None), target).item() > 0.01


@pytest.mark.parametrize("name", [*STATISTICS, "histogram"])
def test_gradients_are_the_slopes(name: str):
    style, here = features(15), features(16) + 0.05
    kind = losses.histogram(style) if name == "histogram" else STATISTICS[name](style)
    target = kind.target(kind.measure(style, None))

    def loss(at: Tensor) -> Tensor:
        return kind.distance(kind.measure(at, None), target)

    at = here.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(at), at)
    direction = gradient / gradient.norm()
    with torch.no_grad():
        slope = (loss(here + 0.02 * direction) - loss(here - 0.02 * direction)) / 0.04
    assert slope.item() == pytest.approx(gradient.norm().item(), rel=0.02)


@pytest.mark.parametrize("name", STATISTICS)
def test_weights_choose_positions(name: str):
    style = features(17, width=8)
    kind = STATISTICS[name](style)
    left = torch.zeros(1, 1, 6, 8)
    left[..., :4] = 1
    for found, wanted in zip(kind.measure(style, left), kind.measure(style[..., :4], None), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_goal_of_grams_is_the_weighted_mean_of_their_relative_errors():
    style = {layer: features(seed) for seed, layer in enumerate(losses.STYLE_LAYERS)}
    found = {layer: features(10 + seed) for seed, layer in enumerate(losses.STYLE_LAYERS)}
    expected = 0.0
    for layer, weight in losses.STYLE_LAYERS.items():
        a, b = (table(one[layer]) for one in (found, style))
        off = numpy.linalg.norm(a.T @ a / len(a) - b.T @ b / len(b)) / numpy.linalg.norm(b.T @ b / len(b))
        expected += weight * off**2 / sum(losses.STYLE_LAYERS.values())
    assert losses.StyleGoal(style, STATISTICS["gram"]).distance(found).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("statistic", ["gram", "mean-std", "wasserstein2"])
def test_a_goal_looks_inside_the_mask_alone(statistic):
    style = {layer: features(seed, height=6, width=8) for seed, layer in enumerate(losses.STYLE_LAYERS)}
    goal = losses.StyleGoal({layer: x[..., :4] for layer, x in style.items()}, STATISTICS[statistic])
    left = (torch.arange(16) < 8).float().expand(1, 1, 12, 16)
    assert goal.distance(style, left).item() < 1e-3
    assert goal.distance(style).item() > 0.01
