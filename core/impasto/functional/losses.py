"""The losses of the optimisation family, as plain functions of tensors.

A style statistic is three functions: `measure` reduces features (1, C, H, W) to a few small tensors,
`target` prepares the (weighted mean of the) measurements of the styles once, and `distance` compares.
Every loss is relative, 1 meaning "as far off as a black picture", so that weights mean the same on every
encoder, layer and size.  All arithmetic is float32; run these outside of autocast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from . import statistics
from .precision import in_double

Measurement = tuple[Tensor, ...]
"""A few small tensors that features are reduced to."""

TINY = 1e-12
SAMPLES = 16_384
"""Statistics that sort or compare positions draw at most this many, afresh each time they are measured."""


def relative_error(estimate: Tensor, truth: Tensor, dim: tuple[int, ...] | None = None) -> Tensor:
    """Return the squared error of an estimate relative to the truth's squared norm.

    Args:
        estimate: of any shape.
        truth: of the same shape.
        dim: the dimensions that are summed over; None: all, for a scalar.

    Example:
        >>> import torch
        >>> relative_error(torch.zeros(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).item()
        1.0
    """
    return (estimate - truth).square().sum(dim) / truth.square().sum(dim).clamp_min(TINY)


def relative_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the squared distance of two measurements over the squared norm of the target, a scalar."""
    error = sum((_power(a - b) for a, b in zip(found, target, strict=True)), found[0].new_zeros(()))
    power = sum((_power(b) for b in target), found[0].new_zeros(()))
    return error / power.clamp_min(TINY)


def _power(tensor: Tensor) -> Tensor:
    """Return the sum of squares, a scalar."""
    return tensor.square().sum()


# ------------------------------------------------------------------------------------- content and smoothness


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of features (1, C, H, W) relative to the target's power (Gatys 2016, eq. 1).

    Args:
        features: (1, C, H, W), of the picture so far.
        target: (1, C, H, W), of the content.

    Example:
        >>> import torch
        >>> content_loss(torch.zeros(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).item()
        1.0
    """
    return relative_error(features.float(), target.float())


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of (1, 3, H, W), a scalar.

    Squared (Mahendran and Vedaldi 2015, β = 2): it takes the grain and leaves the edges of strokes.

    Args:
        image: (1, 3, H, W).

    Example:
        >>> import torch
        >>> total_variation(torch.ones(1, 3, 8, 8)).item()
        0.0
    """
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., 1:] - image[..., :-1]
    return down.square().mean() + right.square().mean()


# ------------------------------------------------------------------------------------------------ statistics


@dataclass(frozen=True)
class Statistic:
    """What is meant by style: how features are measured and how two measurements are compared.

    It suits every style; what depends on the style, such as a kernel's bandwidth, or draws random numbers once, is a
    function that returns one, see `StatisticOf`.  All three functions have to be differentiable.

    Args:
        measure: of features (1, C, H, W), float32 or bfloat16, and weights (1, 1, H, W) of 0 or more that say how much
            each position counts, or None: a few float32 tensors whose shapes depend on C alone, since the measurements
            of several styles are averaged, and styles are of another size than the picture.
        distance: of a measurement from a target, a scalar: 0 where they are equal, about 1 for a black picture.
        target: what the (mean) measurement of the styles becomes, computed once.

    Example:
        >>> import torch
        >>> skewness = Statistic(lambda x, weights: ((x - x.mean((2, 3), keepdim=True)).pow(3).mean((2, 3)),))
        >>> style = torch.rand(1, 8, 16, 16)
        >>> skewness.distance(skewness.measure(style, None), skewness.target(skewness.measure(style, None))).item()
        0.0
    """

    measure: Callable[[Tensor, Tensor | None], Measurement]
    distance: Callable[[Measurement, Measurement], Tensor] = relative_distance
    target: Callable[[Measurement], Measurement] = lambda measured: measured

    def __call__(self, style: Tensor, generator: torch.Generator | None = None) -> Statistic:
        """Return the statistic itself, whatever the style: so it is a `StatisticOf`."""
        return self


class StatisticOf(Protocol):
    """What `impasto_statistics` offers by name: a function that returns the statistic that suits a style.

    A `Statistic` is one, which suits every style.
    """

    def __call__(self, style: Tensor, generator: torch.Generator | None = None) -> Statistic:
        """Return the statistic.

        Args:
            style: features (1, C, H, W) of the style, float32 or bfloat16, which set a kernel's bandwidth.
            generator: what random numbers are drawn from, on the features' device; None: torch's default one.
        """


def measure_gram(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the Gram matrix (1, C, C), the statistic of Gatys, Ecker and Bethge 2015."""
    return (statistics.gram(features, weights),)


def measure_covariance(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean (1, C, 1, 1) and the covariance (1, C, C), the Gram matrix of centred features."""
    return statistics.covariance(features, weights)


def covariance_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the relative errors of mean and covariance, one half each."""
    return (relative_distance(found[:1], target[:1]) + relative_distance(found[1:2], target[1:2])) / 2


def measure_mean_std(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean and the deviation of each channel, the "BN statistics" of Li et al. 2017."""
    return statistics.mean_std(features, weights)


def measure_mean(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the mean of each channel: the mean embedding of the linear kernel x·y (Li et al. 2017)."""
    return (statistics.mean(features, weights),)


def measure_polynomial(features: Tensor, weights: Tensor | None = None) -> Measurement:
    """Return the Gram matrix and the mean: all that the kernel (x·y + c)² sees (Li et al. 2017)."""
    return statistics.gram(features, weights), statistics.mean(features, weights)


def polynomial_distance(found: Measurement, target: Measurement, offset: float = 1.0) -> Tensor:
    """Return the MMD² of the kernel (x·y + c)², relative to what the target's embedding varies by.

    Expanding the square gives MMD² = ‖G - A‖² + 2c ‖m - a‖²; with c = 0 it is the Gram loss.

    Args:
        found: Gram matrix and mean.
        target: likewise, of the style.
        offset: c in units of the style's mean squared length of a feature vector.
    """
    c = offset * target[0].diagonal(dim1=-2, dim2=-1).sum()
    error = _power(found[0] - target[0]) + 2 * c * _power(found[1] - target[1])
    return error / (_power(target[0]) + 2 * c * _power(target[1])).clamp_min(TINY)


def measure_gaussian(
    features: Tensor,
    weights: Tensor | None = None,
    *,
    frequencies: Tensor,
    samples: int = SAMPLES,
    generator: torch.Generator | None = None,
) -> Measurement:
    """Return the mean embedding of the Gaussian kernel exp(-‖x - y‖² / 2σ²) by random Fourier features.

    The kernel is the mean of cos ω·(x - y) over ω drawn from N(0, 1/σ²) (Rahimi and Recht 2007), so the
    distance of two embeddings estimates the MMD in time linear in the positions, not quadratic.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        frequencies: ω, (C, D), see `gaussian_frequencies`.
        samples: how many positions are drawn when there are more.
        generator: what they are drawn from, on the features' device; None: torch's default one.
    """
    flat, shares = statistics.flatten(*position_sample(features, weights, samples, generator))
    phases = flat.mT @ frequencies
    waves = torch.cat([phases.cos(), phases.sin()], -1)
    mean = waves.mean(1) if shares is None else (shares @ waves).squeeze(1)
    return (mean / frequencies.shape[1] ** 0.5,)


def gaussian_frequencies(features: Tensor, count: int = 256) -> Tensor:
    """Return ω (C, count) for the bandwidth σ² = mean squared distance of two feature vectors.

    That is twice the trace of the covariance (Li et al. 2017 take the same mean, over sampled pairs).
    """
    variance = 2 * statistics.mean_std(features)[1].square().sum()
    rng = torch.Generator().manual_seed(features.shape[1])
    normal = torch.randn(features.shape[1], count, generator=rng, dtype=torch.float32, device="cpu").to(features.device)
    return normal / variance.clamp_min(TINY).sqrt()


def wasserstein2_target(measured: Measurement) -> Measurement:
    """Return the mean, the covariance A and its root, both regularised so that the root has a gradient."""
    mean, covariance = measured[:2]
    # A flat style has no covariance: the mean then gives the scale that keeps the arithmetic away from zero.
    ridge = (1e-4 * _trace(covariance) + 1e-6 * _power(mean)) / covariance.shape[-1] + TINY
    return mean, covariance, ridge, _square_root(_regularised(covariance, ridge))


def wasserstein2_distance(found: Measurement, target: Measurement) -> Tensor:
    """Return the squared Wasserstein-2 distance of two Gaussians, relative to the style's power.

    ‖m - a‖² + tr(C + A - 2 (A^½ C A^½)^½) (Gelbrich 1990): how far feature vectors must travel for their
    mean and covariance to be the style's.
    """
    mean, covariance, ridge, half = target
    regular = _regularised(found[1], ridge)
    values = torch.linalg.eigvalsh(half @ regular @ half)
    # Rounding may leave the smallest eigenvalues at zero, where the gradient of the root is infinite.
    shared = values.clamp_min(ridge.to(half).square() * 1e-3).sqrt().sum()
    traces = _trace(regular) + _trace(half @ half) - 2 * shared
    power = _power(mean) + _trace(covariance)
    distance: Tensor = (_power(found[0] - mean) + traces.to(mean.dtype).to(mean.device)) / power.clamp_min(TINY)
    return distance


def _regularised(matrix: Tensor, ridge: Tensor) -> Tensor:
    """Return a covariance in float64, which a root needs, with `ridge` on its diagonal."""
    exact = in_double(matrix)
    diagonal = ridge.to(exact).expand(exact.shape[-1]).diag_embed()
    return torch.add(exact, diagonal)


def _square_root(matrix: Tensor) -> Tensor:
    """Return the symmetric square root of a positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.matmul(vectors * values.clamp_min(0).sqrt()[..., None, :], vectors.mT)


def _trace(matrix: Tensor) -> Tensor:
    """Return the sum of traces of (B, C, C), a scalar."""
    return matrix.diagonal(dim1=-2, dim2=-1).sum()


def measure_histogram(
    features: Tensor,
    weights: Tensor | None = None,
    *,
    bins: int = 256,
    samples: int = SAMPLES,
    generator: torch.Generator | None = None,
) -> Measurement:
    """Return the sorted values of each channel, averaged into `bins` equal shares of the positions.

    The distance of two such tables is the loss of Risser, Wilmot and Barnes 2017 (to the remapped
    activations): sorting both is what matching their histograms means.  A soft region counts where its
    weight is at least half of its largest.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        bins: of the table.
        samples: how many positions are drawn when there are more.
        generator: what they are drawn from, on the features' device; None: torch's default one.
    """
    if weights is not None:
        inside = weights.flatten() >= weights.max() / 2
        features, weights = features.flatten(2)[..., inside, None], None
    flat, _ = statistics.flatten(position_sample(features, None, samples, generator)[0])
    return (F.adaptive_avg_pool1d(flat.sort(-1).values, bins),)


def position_sample(
    features: Tensor, weights: Tensor | None, count: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return features and weights of `count` random positions, or all when there are not more.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        count: of positions, which may be drawn twice.
        generator: on the features' device; None: torch's default one.
    """
    positions = features.shape[-2] * features.shape[-1]
    if positions <= count:
        return features, weights
    drawn = torch.randint(positions, (count,), generator=generator, device=features.device)
    flat = features.flatten(2)[..., drawn, None]
    return flat, None if weights is None else weights.flatten(2)[..., drawn, None]


def _mmd_gaussian(style: Tensor, generator: torch.Generator | None = None) -> Statistic:
    return Statistic(partial(measure_gaussian, frequencies=gaussian_frequencies(style), generator=generator))


STATISTICS: Mapping[str, StatisticOf] = MappingProxyType(
    {
        "gram": Statistic(measure_gram),
        "covariance": Statistic(measure_covariance, covariance_distance),
        "mean-std": Statistic(measure_mean_std),
        "mmd-linear": Statistic(measure_mean),
        "mmd-polynomial": Statistic(measure_polynomial, polynomial_distance),
        "mmd-gaussian": _mmd_gaussian,
        "wasserstein2": Statistic(measure_covariance, wasserstein2_distance, wasserstein2_target),
    }
)
"""The style statistics that Impasto itself offers; `impasto.get_host().statistic(name)` finds those of plugins, too."""


def histogram(style: Tensor, generator: torch.Generator | None = None) -> Statistic:
    """Return the statistic of sorted values, see `measure_histogram`; a `StatisticOf` that goes with any other one."""
    return Statistic(partial(measure_histogram, generator=generator))


CONTENT_LAYER = "relu4_1"
STYLE_LAYERS: Mapping[str, float] = MappingProxyType(
    {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 2.0, "relu4_1": 2.0, "relu5_1": 0.3}
)
"""The layers and weights of the stage `gatys` with thin encoders, which know relu5_1 of VGG-19 less than the others."""


class StyleGoal:
    """What networks that learn a style are to reach: its statistics at several layers.

    Args:
        seen: features (1, C, H, W) of the style by layer, at least those of `STYLE_LAYERS`.
        statistic: such as `STATISTICS["gram"]`, or `impasto.get_host().statistic("gram")`.
        generator: what statistics of many positions draw some from; None: torch's default one.

    Example:
        >>> import impasto, torch
        >>> seen = impasto.encoder("slim19").features(torch.rand(1, 3, 64, 64), list(STYLE_LAYERS))
        >>> StyleGoal(seen, STATISTICS["mean-std"]).distance(seen).item()
        0.0
    """

    def __init__(
        self, seen: Mapping[str, Tensor], statistic: StatisticOf, generator: torch.Generator | None = None
    ) -> None:
        self._statistics = {layer: statistic(seen[layer], generator) for layer in STYLE_LAYERS}
        self._targets = {layer: one.target(one.measure(seen[layer], None)) for layer, one in self._statistics.items()}

    def distance(self, seen: Mapping[str, Tensor], mask: Tensor | None = None) -> Tensor:
        """Return how far one picture is from it, a scalar; 1: about as far as a black picture.

        Args:
            seen: its features (1, C, h, w) by layer.
            mask: (1, 1, H, W), how much each pixel counts; None: all alike.
        """
        distances = []
        for layer, weight in STYLE_LAYERS.items():
            features, one = seen[layer], self._statistics[layer]
            area = None if mask is None else F.adaptive_avg_pool2d(mask, (features.shape[-2], features.shape[-1]))
            distances.append(weight * one.distance(one.measure(features, area), self._targets[layer]).float())
        return torch.stack(distances).sum() / sum(STYLE_LAYERS.values())


def mean_measurement(measurements: Sequence[Measurement], weights: Sequence[float]) -> Measurement:
    """Return the weighted mean of measurements: between several styles, or beyond with negative weights."""
    total = sum(weights)
    columns = zip(*measurements, strict=True)
    return tuple(
        torch.stack([w / total * one for one, w in zip(column, weights, strict=True)]).sum(0) for column in columns
    )
