"""What is meant by style: a statistic of features, as one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .relative import Measurement, relative_distance


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

    Example:
        >>> from impasto.functional.losses import STATISTICS
        >>> statistic: StatisticOf = STATISTICS["mmd-gaussian"]
    """

    def __call__(self, style: Tensor, generator: torch.Generator | None = None) -> Statistic:
        """Return the statistic.

        Args:
            style: features (1, C, H, W) of the style, float32 or bfloat16, which set a kernel's bandwidth.
            generator: what random numbers are drawn from, on the features' device; None: torch's default one.
        """


def mean_measurement(measurements: Sequence[Measurement], weights: Sequence[float]) -> Measurement:
    """Return the weighted mean of measurements: between several styles, or beyond with negative weights.

    Args:
        measurements: each a few tensors, of shapes that are the same for all.
        weights: of the measurements; they are divided by their sum.

    Example:
        >>> import torch
        >>> mean_measurement([(torch.zeros(1, 2),), (torch.ones(1, 2),)], [3, 1])
        (tensor([[0.2500, 0.2500]]),)
    """
    total = sum(weights)
    columns = zip(*measurements, strict=True)
    return tuple(
        torch.stack([w / total * one for one, w in zip(column, weights, strict=True)]).sum(0) for column in columns
    )
