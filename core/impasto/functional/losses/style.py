"""The style statistics that come with Impasto, by name, and what networks that learn a style are to reach."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from .distributions import (
    gaussian_frequencies,
    measure_gaussian,
    measure_histogram,
    measure_sliced,
    sliced_directions,
)
from .moments import (
    covariance_distance,
    measure_covariance,
    measure_gram,
    measure_mean,
    measure_mean_std,
    measure_polynomial,
    polynomial_distance,
)
from .statistic import Statistic, StatisticOf
from .wasserstein import wasserstein2_distance, wasserstein2_target


def _mmd_gaussian(style: Tensor, generator: torch.Generator | None = None) -> Statistic:
    return Statistic(partial(measure_gaussian, frequencies=gaussian_frequencies(style), generator=generator))


def _sliced_wasserstein(style: Tensor, generator: torch.Generator | None = None) -> Statistic:
    # As many as channels, as in the paper, but drawn once, not at each step: L-BFGS needs a loss that stays the same.
    directions = sliced_directions(style, style.shape[1], generator)
    return Statistic(partial(measure_sliced, directions=directions, generator=generator))


STATISTICS: Mapping[str, StatisticOf] = MappingProxyType(
    {
        "gram": Statistic(measure_gram),
        "covariance": Statistic(measure_covariance, covariance_distance),
        "mean-std": Statistic(measure_mean_std),
        "mmd-linear": Statistic(measure_mean),
        "mmd-polynomial": Statistic(measure_polynomial, polynomial_distance),
        "mmd-gaussian": _mmd_gaussian,
        "sliced-wasserstein": _sliced_wasserstein,
        "wasserstein2": Statistic(measure_covariance, wasserstein2_distance, wasserstein2_target),
    }
)
"""The style statistics that Impasto itself offers; `impasto.get_host().statistic(name)` finds those of plugins, too."""


def histogram(style: Tensor, generator: torch.Generator | None = None) -> Statistic:
    """Return the statistic of sorted values, see `measure_histogram`; a `StatisticOf` that goes with any other one.

    Args:
        style: features (1, C, H, W) of the style, whose values do not matter.
        generator: what positions are drawn from, on the features' device; None: torch's default one.

    Example:
        >>> import torch
        >>> features = torch.rand(1, 8, 32, 32)
        >>> histogram(features).measure(features, None)[0].shape
        torch.Size([1, 8, 256])
    """
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
