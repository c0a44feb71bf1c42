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

import torch
import torch.nn.functional as F
from torch import Tensor

from . import statistics

Measured = tuple[Tensor, ...]

TINY = 1e-12
SAMPLES = 16_384
"""Statistics that sort or compare positions draw at most this many, afresh each time they are measured."""


def squared(tensor: Tensor) -> Tensor:
    """Return the sum of squares, a scalar."""
    return tensor.square().sum()


def relative(found: Measured, wanted: Measured) -> Tensor:
    """Return the squared distance of two measurements over the squared norm of the wanted one."""
    error = sum((squared(a - b) for a, b in zip(found, wanted, strict=True)), found[0].new_zeros(()))
    power = sum((squared(b) for b in wanted), found[0].new_zeros(()))
    return error / power.clamp_min(TINY)


# ------------------------------------------------------------------------------------- content and smoothness


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of features (1, C, H, W) relative to the target's power (Gatys 2016, eq. 1).

    Example:
        >>> import torch
        >>> content_loss(torch.zeros(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).item()
        1.0
    """
    return relative((features.float(),), (target.float(),))


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels of (1, 3, H, W), a scalar.

    Squared (Mahendran and Vedaldi 2015, β = 2): it takes the grain and leaves the edges of strokes.
    """
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., 1:] - image[..., :-1]
    return down.square().mean() + right.square().mean()


# ------------------------------------------------------------------------------------------------ statistics


@dataclass(frozen=True)
class Statistic:
    """What is meant by style: how features are measured and how two measurements are compared."""

    measure: Callable[[Tensor, Tensor | None], Measured]
    distance: Callable[[Measured, Measured], Tensor] = relative
    target: Callable[[Measured], Measured] = lambda measured: measured


def measure_gram(features: Tensor, weights: Tensor | None = None) -> Measured:
    """Return the Gram matrix (1, C, C), the statistic of Gatys, Ecker and Bethge 2015."""
    return (statistics.gram(features, weights),)


def measure_covariance(features: Tensor, weights: Tensor | None = None) -> Measured:
    """Return the mean (1, C, 1, 1) and the covariance (1, C, C), the Gram matrix of centred features."""
    return statistics.covariance(features, weights)


def covariance_distance(found: Measured, wanted: Measured) -> Tensor:
    """Return the relative errors of mean and covariance, one half each."""
    return (relative(found[:1], wanted[:1]) + relative(found[1:2], wanted[1:2])) / 2


def measure_mean_std(features: Tensor, weights: Tensor | None = None) -> Measured:
    """Return the mean and the deviation of each channel, the "BN statistics" of Li et al. 2017."""
    return statistics.mean_std(features, weights)


def measure_mean(features: Tensor, weights: Tensor | None = None) -> Measured:
    """Return the mean of each channel: the mean embedding of the linear kernel x·y (Li et al. 2017)."""
    return (statistics.mean(features, weights),)


def measure_polynomial(features: Tensor, weights: Tensor | None = None) -> Measured:
    """Return the Gram matrix and the mean: all that the kernel (x·y + c)² sees (Li et al. 2017)."""
    return statistics.gram(features, weights), statistics.mean(features, weights)


def polynomial_distance(found: Measured, wanted: Measured, offset: float = 1.0) -> Tensor:
    """Return the MMD² of the kernel (x·y + c)², relative to what the target's embedding varies by.

    Expanding the square gives MMD² = ‖G - A‖² + 2c ‖m - a‖²; with c = 0 it is the Gram loss.

    Args:
        found: Gram matrix and mean.
        wanted: likewise, of the style.
        offset: c in units of the style's mean squared length of a feature vector.
    """
    c = offset * wanted[0].diagonal(dim1=-2, dim2=-1).sum()
    error = squared(found[0] - wanted[0]) + 2 * c * squared(found[1] - wanted[1])
    return error / (squared(wanted[0]) + 2 * c * squared(wanted[1])).clamp_min(TINY)


def measure_gaussian(
    features: Tensor, weights: Tensor | None = None, *, frequencies: Tensor, samples: int = SAMPLES
) -> Measured:
    """Return the mean embedding of the Gaussian kernel exp(-‖x - y‖² / 2σ²) by random Fourier features.

    The kernel is the mean of cos ω·(x - y) over ω drawn from N(0, 1/σ²) (Rahimi and Recht 2007), so the
    distance of two embeddings estimates the MMD in time linear in the positions, not quadratic.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        frequencies: ω, (C, D), see `gaussian_frequencies`.
        samples: how many positions are drawn when there are more.
    """
    flat, shares = statistics.flatten(*draw(features, weights, samples))
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
    normal = torch.randn(features.shape[1], count, generator=rng).to(features.device)
    return normal / variance.clamp_min(TINY).sqrt()


def wasserstein2_target(measured: Measured) -> Measured:
    """Return the mean, the covariance A and its root, both regularised so that the root has a gradient."""
    mean, covariance = measured[:2]
    # A flat style has no covariance: the mean then gives the scale that keeps the arithmetic away from zero.
    ridge = (1e-4 * trace(covariance) + 1e-6 * squared(mean)) / covariance.shape[-1] + TINY
    return mean, covariance, ridge, root(regularised(covariance, ridge))


def wasserstein2_distance(found: Measured, wanted: Measured) -> Tensor:
    """Return the squared Wasserstein-2 distance of two Gaussians, relative to the style's power.

    ‖m - a‖² + tr(C + A - 2 (A^½ C A^½)^½) (Gelbrich 1990): how far feature vectors must travel for their
    mean and covariance to be the style's.
    """
    mean, covariance, ridge, half = wanted
    regular = regularised(found[1], ridge)
    values = torch.linalg.eigvalsh(half @ regular @ half)
    # Rounding may leave the smallest eigenvalues at zero, where the gradient of the root is infinite.
    shared = values.clamp_min(ridge.to(half).square() * 1e-3).sqrt().sum()
    traces = trace(regular) + trace(half @ half) - 2 * shared
    power = squared(mean) + trace(covariance)
    distance: Tensor = (squared(found[0] - mean) + traces.to(mean)) / power.clamp_min(TINY)
    return distance


def regularised(matrix: Tensor, ridge: Tensor) -> Tensor:
    """Return a covariance in float64, which a root needs, with `ridge` on its diagonal."""
    # Where there is no float64 (mps), these small matrices go by way of the CPU.
    exact = matrix.cpu().double() if matrix.device.type == "mps" else matrix.double()
    diagonal = ridge.to(exact).expand(exact.shape[-1]).diag_embed()
    return torch.add(exact, diagonal)


def root(matrix: Tensor) -> Tensor:
    """Return the symmetric square root of a positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.matmul(vectors * values.clamp_min(0).sqrt()[..., None, :], vectors.mT)


def trace(matrix: Tensor) -> Tensor:
    """Return the sum of traces of (B, C, C), a scalar."""
    return matrix.diagonal(dim1=-2, dim2=-1).sum()


def measure_histogram(
    features: Tensor, weights: Tensor | None = None, *, bins: int = 256, samples: int = SAMPLES
) -> Measured:
    """Return the sorted values of each channel, averaged into `bins` equal shares of the positions.

    The distance of two such tables is the loss of Risser, Wilmot and Barnes 2017 (to the remapped
    activations): sorting both is what matching their histograms means.  A soft region counts where its
    weight is at least half of its largest.
    """
    if weights is not None:
        inside = weights.flatten() >= weights.max() / 2
        features, weights = features.flatten(2)[..., inside, None], None
    flat, _ = statistics.flatten(draw(features, None, samples)[0])
    return (F.adaptive_avg_pool1d(flat.sort(-1).values, bins),)


def draw(features: Tensor, weights: Tensor | None, count: int) -> tuple[Tensor, Tensor | None]:
    """Return features and weights of `count` random positions, or all when there are not more."""
    positions = features.shape[-2] * features.shape[-1]
    if positions <= count:
        return features, weights
    chosen = torch.randint(positions, (count,), device=features.device)
    flat = features.flatten(2)[..., chosen, None]
    return flat, None if weights is None else weights.flatten(2)[..., chosen, None]


STATISTICS: Mapping[str, Callable[[Tensor], Statistic]] = MappingProxyType(
    {
        "gram": lambda style: Statistic(measure_gram),
        "covariance": lambda style: Statistic(measure_covariance, covariance_distance),
        "mean-std": lambda style: Statistic(measure_mean_std),
        "mmd-linear": lambda style: Statistic(measure_mean),
        "mmd-polynomial": lambda style: Statistic(measure_polynomial, polynomial_distance),
        "mmd-gaussian": lambda style: Statistic(partial(measure_gaussian, frequencies=gaussian_frequencies(style))),
        "wasserstein2": lambda style: Statistic(measure_covariance, wasserstein2_distance, wasserstein2_target),
    }
)
"""Style statistics by name; each a function of the style's features, which set a kernel's bandwidth."""

HISTOGRAM = Statistic(measure_histogram)

CONTENT_LAYER = "relu4_1"
STYLE_LAYERS: Mapping[str, float] = MappingProxyType(
    {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 2.0, "relu4_1": 2.0, "relu5_1": 0.3}
)
"""The layers and weights of the stage `gatys` with thin encoders, which know relu5_1 of VGG-19 less than the others."""


class StyleGoal:
    """What networks that learn a style are to reach: its statistics at several layers.

    Args:
        seen: features (1, C, H, W) of the style by layer, at least those of `STYLE_LAYERS`.
        statistic: a name of `STATISTICS`.

    Example:
        >>> import impasto, torch
        >>> seen = impasto.encoder("slim19").features(torch.rand(1, 3, 64, 64), list(STYLE_LAYERS))
        >>> StyleGoal(seen, "mean-std").distance(seen).item()
        0.0
    """

    def __init__(self, seen: Mapping[str, Tensor], statistic: str) -> None:
        self._statistics = {layer: STATISTICS[statistic](seen[layer]) for layer in STYLE_LAYERS}
        self._wanted = {layer: one.target(one.measure(seen[layer], None)) for layer, one in self._statistics.items()}

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
            distances.append(weight * one.distance(one.measure(features, area), self._wanted[layer]).float())
        return torch.stack(distances).sum() / sum(STYLE_LAYERS.values())


def mixed(measurements: Sequence[Measured], weights: Sequence[float]) -> Measured:
    """Return the weighted mean of measurements: between several styles, or beyond with negative weights."""
    total = sum(weights)
    columns = zip(*measurements, strict=True)
    return tuple(
        torch.stack([w / total * one for one, w in zip(column, weights, strict=True)]).sum(0) for column in columns
    )
