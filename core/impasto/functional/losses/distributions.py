"""Style statistics of whole distributions of features: Gaussian kernel, histograms, sliced Wasserstein distance."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import statistics
from ..precision import in_double
from .relative import TINY, Measurement

SAMPLES = 16_384
"""Statistics that sort or compare positions draw at most this many, afresh each time they are measured."""


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

    Example:
        >>> import torch
        >>> style = torch.rand(1, 8, 4, 4)
        >>> [one.shape for one in measure_gaussian(style, frequencies=gaussian_frequencies(style, 64))]
        [torch.Size([1, 128])]
    """
    flat, shares = statistics.flatten(*position_sample(features, weights, samples, generator))
    phases = flat.mT @ frequencies
    waves = torch.cat([phases.cos(), phases.sin()], -1)
    mean = waves.mean(1) if shares is None else (shares @ waves).squeeze(1)
    return (mean / frequencies.shape[1] ** 0.5,)


def gaussian_frequencies(features: Tensor, count: int = 256) -> Tensor:
    """Return ω (C, count) for the bandwidth σ² = mean squared distance of two feature vectors.

    That is twice the trace of the covariance (Li et al. 2017 take the same mean, over sampled pairs).

    Args:
        features: (1, C, H, W), of the style.
        count: of frequencies.

    Example:
        >>> import torch
        >>> gaussian_frequencies(torch.rand(1, 8, 4, 4)).shape
        torch.Size([8, 256])
    """
    variance = 2 * statistics.mean_std(features)[1].square().sum()
    rng = torch.Generator().manual_seed(features.shape[1])
    normal = torch.randn(features.shape[1], count, generator=rng, dtype=torch.float32, device="cpu").to(features.device)
    return normal / variance.clamp_min(TINY).sqrt()


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

    Example:
        >>> import torch
        >>> [one.shape for one in measure_histogram(torch.rand(1, 8, 32, 32))]
        [torch.Size([1, 8, 256])]
    """
    if weights is not None:
        inside = weights.flatten() >= weights.max() / 2
        features, weights = features.flatten(2)[..., inside, None], None
    flat, _ = statistics.flatten(position_sample(features, None, samples, generator)[0])
    return (F.adaptive_avg_pool1d(flat.sort(-1).values, bins),)


def measure_sliced(
    features: Tensor,
    weights: Tensor | None = None,
    *,
    directions: Tensor,
    bins: int = 256,
    samples: int = SAMPLES,
    generator: torch.Generator | None = None,
) -> Measurement:
    """Return features projected to directions and sorted along each, averaged into `bins` equal shares.

    The distance of two such tables is the sliced Wasserstein loss of Heitz, Vanhoey, Chambon and Belcour 2021.  By the
    shares, features of any two sizes are compared; one place counts as its weight says.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        directions: (D, C), see `sliced_directions`.
        bins: of the table.
        samples: how many positions are drawn when there are more.
        generator: what they are drawn from, on the features' device; None: torch's default one.

    Example:
        >>> import torch
        >>> style = torch.rand(1, 8, 32, 32)
        >>> [one.shape for one in measure_sliced(style, directions=sliced_directions(style, 64))]
        [torch.Size([1, 64, 256])]
    """
    flat, shares = statistics.flatten(*position_sample(features, weights, samples, generator))
    values, order = (directions @ flat).sort(-1)
    if shares is not None:
        values = _repeated(values, shares.expand_as(order).gather(-1, order))
    return (F.adaptive_avg_pool1d(values, bins),)


def _repeated(values: Tensor, shares: Tensor) -> Tensor:
    """Return sorted values (1, D, N), each as often as its share (1, D, N) says, N in all."""
    middles = (torch.arange(values.shape[-1], device=values.device) + 0.5) / values.shape[-1]
    places = torch.searchsorted(shares.cumsum(-1), middles.expand_as(shares).contiguous())
    return values.gather(-1, places.clamp_max(values.shape[-1] - 1))


def sliced_directions(features: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Return random directions (count, C) of length 1, along which features (1, C, H, W) of the style are sorted.

    Drawn evenly, as in the paper, nearly all of them see light and dark, and colours drift; drawn so that the style
    varies alike along all, they see grain alone.  Halfway between, they are multiplied by the covariance to the power
    of -1/4.

    Args:
        features: (1, C, H, W), of the style.
        count: of directions.
        generator: what they are drawn from, on the features' device; None: torch's default one.

    Example:
        >>> import torch
        >>> sliced_directions(torch.rand(1, 8, 4, 4), 64).norm(dim=1).allclose(torch.ones(64))
        True
    """
    shape = (count, features.shape[1])
    drawn = torch.randn(shape, generator=generator, dtype=torch.float32, device=features.device)
    values, vectors = torch.linalg.eigh(in_double(statistics.covariance(features)[1][0]))
    scale = (values / values.max().clamp_min(TINY)).clamp_min(1e-4).pow(-0.25)
    return F.normalize(drawn @ ((vectors * scale) @ vectors.mT).to(drawn), dim=1)


def position_sample(
    features: Tensor, weights: Tensor | None, count: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return features and weights of `count` random positions, or all when there are not more.

    Args:
        features: (1, C, H, W).
        weights: (1, 1, H, W) or None.
        count: of positions, which may be drawn twice.
        generator: on the features' device; None: torch's default one.

    Example:
        >>> import torch
        >>> features, weights = position_sample(torch.rand(1, 8, 32, 32), None, 100)
        >>> features.shape
        torch.Size([1, 8, 100, 1])
    """
    positions = features.shape[-2] * features.shape[-1]
    if positions <= count:
        return features, weights
    drawn = torch.randint(positions, (count,), generator=generator, device=features.device)
    flat = features.flatten(2)[..., drawn, None]
    return flat, None if weights is None else weights.flatten(2)[..., drawn, None]
