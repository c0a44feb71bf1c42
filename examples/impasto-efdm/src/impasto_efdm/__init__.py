"""Exact feature distribution matching: not the style's mean and deviation, but every value of its features."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
import torch.nn.functional as F

import impasto
from impasto.functional import in_double
from impasto.networks import FeatureTransform, records, style_summaries, stylize_features
from impasto.stage import resized_styles


@dataclass(frozen=True)
class Values:
    """All values of some features, (B, C, N), and how much each position counts, (1 or B, 1, N)."""

    values: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, features, weights):
        """Sum up features (B, C, h, w); positions that count in no picture are left out."""
        weights = torch.ones_like(features[:1, :1]) if weights is None else weights
        counts = (weights > 0).any(0).flatten()
        return cls(features.flatten(2)[..., counts].float(), weights.flatten(2)[..., counts].float())

    def __add__(self, other):
        return Values(torch.cat([self.values, other.values], -1), torch.cat([self.weights, other.weights], -1))

    @cached_property
    def ordered(self):
        """The values of each channel in order, and how much each of them counts, both (B, C, N)."""
        values, order = self.values.sort()
        return values, self.weights.expand_as(values).gather(-1, order)

    def quantiles(self, channel):
        """Return a channel's values in order, (B, N), and the share of positions below each and all, (B, N + 1)."""
        values, weights = (in_double(x[:, channel]) for x in self.ordered)
        below = F.pad(weights.cumsum(-1), (1, 0))
        return values, below / below[:, -1:]

    def means(self, channel, low, high):
        """Return a channel's mean value between two shares of the positions, both (B, M)."""
        values, below = (x.expand(len(low), -1).contiguous() for x in self.quantiles(channel))
        sums = F.pad((values * below.diff()).cumsum(-1), (1, 0))

        def sum_below(share):
            place = (torch.searchsorted(below, share, right=True) - 1).clamp_max(values.shape[-1] - 1)
            return sums.gather(-1, place) + (share - below.gather(-1, place)) * values.gather(-1, place)

        return (sum_below(high) - sum_below(low)) / (high - low).clamp_min(torch.finfo(low.dtype).tiny)


def rank_map(source, targets):
    """Return the map that gives each value the styles' mean value over the ranks that it has in the content."""
    ordered, _ = source.ordered
    table = torch.empty_like(ordered)
    for channel in range(ordered.shape[1]):
        values, below = source.quantiles(channel)
        equal = 1e-4 * values.std(-1, keepdim=True, correction=0)  # rounding, other in each tile, gives no order
        low = below.gather(-1, torch.searchsorted(values, values - equal))
        high = below.gather(-1, torch.searchsorted(values, values + equal, right=True))
        table[:, channel] = sum(target.share * target.summary.means(channel, low, high) for target in targets)

    between = (ordered[..., :-1] + ordered[..., 1:]) / 2

    def mapped(features):
        nearest = torch.searchsorted(between, features.flatten(2).contiguous())
        return table.gather(-1, nearest).view_as(features)

    return mapped


MATCHING = FeatureTransform(Values.of, rank_map)


class EFDM(impasto.Stylizer, name="efdm"):
    """Give the content's features the style's values, rank by rank, and decode them (Zhang et al. 2022)."""

    multiple: ClassVar = 8
    reflection_padding: ClassVar = 24
    regional: ClassVar = True
    bytes_per_pixel: ClassVar = 200

    alpha: float = impasto.param(default=1.0, low=0, high=1, help="how far towards the style; 0 only decodes")

    def weights(self):
        return (*records("slim19"), *records("adain-slim19"))

    def stylize(self, content, styles, guides):
        encoder = impasto.encoder("slim19", device=content.device)
        decoder = impasto.decoder("adain-slim19", device=content.device)
        styles = resized_styles(styles, content, multiple=self.multiple, padding=self.reflection_padding)
        summaries = style_summaries(styles, encoder, decoder.layers, MATCHING.summary)
        return stylize_features(content, guides, styles, summaries, (encoder, decoder), MATCHING, self.alpha)


@impasto.hookimpl
def impasto_stylizers():
    return [EFDM]
