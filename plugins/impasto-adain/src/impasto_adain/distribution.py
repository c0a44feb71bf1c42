"""Exact feature distribution matching: every value of the style's features, not their mean and deviation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional import in_double
from impasto.networks import FeatureMap, TargetSummary

CHANNELS_AT_ONCE = 16
"""Channels that are ranked together, in double precision: all of them would take a gigabyte of a large picture."""
EQUAL = 1e-4
"""In deviations of a channel: values that differ by less, as by rounding in different tiles, share one rank."""


@dataclass(frozen=True)
class Values:
    """All values of features (B, C, N), and how much each position counts, (1 or B, 1, N)."""

    values: Tensor
    weights: Tensor

    @classmethod
    def of(cls, features: Tensor, weights: Tensor | None) -> Values:
        """Sum up features (B, C, h, w); positions that count in no picture are left out."""
        weights = torch.ones_like(features[:1, :1]) if weights is None else weights
        counts = (weights > 0).any(0).flatten()
        return cls(features.flatten(2)[..., counts].float(), weights.flatten(2)[..., counts].float())

    def __add__(self, other: Values) -> Values:
        """Return the values of both parts."""
        weights = [self.weights, other.weights]
        if len({len(w) for w in weights}) > 1:
            weights = [w.expand(len(self.values), -1, -1) for w in weights]
        return Values(torch.cat([self.values, other.values], -1), torch.cat(weights, -1))

    @cached_property
    def ordered(self) -> tuple[Tensor, Tensor]:
        """The values of each channel in order, and how much each of them counts, both (B, C, N)."""
        values, order = self.values.sort()
        return values, self.weights.expand(len(values), values.shape[1], -1).gather(-1, order)

    def quantiles(self, channels: slice) -> tuple[Tensor, Tensor]:
        """Return values in order, (B, c, N), and the share of positions below each and below all, (B, c, N + 1)."""
        values, weights = (in_double(x[:, channels]) for x in self.ordered)
        below = F.pad(weights.cumsum(-1), (1, 0))
        return values, below / below[..., -1:]

    def mean_between(self, channels: slice, low: Tensor, high: Tensor) -> Tensor:
        """Return the mean values between two shares of the positions, both (B, c, M)."""
        values, below = (x.expand(len(low), -1, -1).contiguous() for x in self.quantiles(channels))
        sums = F.pad((values * below.diff()).cumsum(-1), (1, 0))

        def sum_below(share: Tensor) -> Tensor:
            place = (torch.searchsorted(below, share, right=True) - 1).clamp_max(values.shape[-1] - 1)
            return sums.gather(-1, place) + (share - below.gather(-1, place)) * values.gather(-1, place)

        return (sum_below(high) - sum_below(low)) / (high - low).clamp_min(torch.finfo(low.dtype).tiny)


def rank_map(source: Values, targets: Sequence[TargetSummary[Values]]) -> FeatureMap:
    """Return the map that gives each value the styles' mean value over the ranks that it has in the content.

    This is exact feature distribution matching (Zhang et al. 2022).  The authors sort both and let equal values fall
    as they may, which makes grain of a flat area; here equal values stay equal, sizes may differ, and positions count
    by their weights.

    Args:
        source: values of the content.
        targets: those of the styles.
    """
    ordered, _ = source.ordered
    table = torch.empty_like(ordered)
    for first in range(0, ordered.shape[1], CHANNELS_AT_ONCE):
        channels = slice(first, first + CHANNELS_AT_ONCE)
        values, below = source.quantiles(channels)
        equal = EQUAL * values.std(-1, keepdim=True, correction=0)
        low = below.gather(-1, torch.searchsorted(values, values - equal))
        high = below.gather(-1, torch.searchsorted(values, values + equal, right=True))
        means = [target.share * target.summary.mean_between(channels, low, high) for target in targets]
        table[:, channels] = torch.stack(means).sum(0).to(table.dtype)
    between = (ordered[..., :-1] + ordered[..., 1:]) / 2

    def mapped(features: Tensor) -> Tensor:
        nearest = torch.searchsorted(between, features.float().flatten(2).contiguous())
        return table.gather(-1, nearest).view_as(features)

    return mapped
