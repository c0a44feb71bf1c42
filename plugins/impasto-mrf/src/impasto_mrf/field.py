"""The Markov random field of a layer: for each patch of the picture the nearest of the styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.functional.patches import NNF, nearest


class Source(NamedTuple):
    """A map that patches are taken from, with the surface, the regions and the mask of its positions."""

    maps: Tensor
    """(1, C, h, w), features."""
    surface: Tensor
    """(1, c, h, w), all that the surface's layer has under each position; c is 0 where it is not compared."""
    guides: Tensor
    """(1, K, h, w), regions, as vectors of length 1 or 0."""
    valid: Tensor
    """(1, 1, h, w), above 0 where it may be matched."""


class Field:
    """The Markov random field of one layer: to each patch of the picture the nearest one of the styles.

    Args:
        styles: the sources of each style.
        shares: (S, K), how much of each region each of the styles paints, relative to the others.
        guides: (1, K, h, w), the regions of the picture, as vectors of length 1 or 0.
        guide_weight: what the same region adds to the correlation of two patches.
        patch: side of the patches, in positions.
        generator: what the search draws its random numbers from; None: torch's default one.
    """

    def __init__(
        self,
        styles: Sequence[Sequence[Source]],
        shares: Tensor,
        guides: Tensor,
        guide_weight: float,
        patch: int,
        generator: torch.Generator | None = None,
    ) -> None:
        self.styles, self.shares, self.guides = styles, shares, guides
        self.guide_weight, self.patch, self.generator = guide_weight, patch, generator
        self.sources = [source for style in styles for source in style]
        self.latest: list[NNF | None] = [None] * len(styles)

    def match(self, maps: Tensor) -> NNF:
        """Return the nearest patches for maps (1, C, h, w), which the search begins at those found before."""
        self.latest = [self._search(maps, style, start) for style, start in zip(self.styles, self.latest, strict=True)]
        fields = [field for field in self.latest if field is not None]
        return fields[0] if len(fields) == 1 else self._shared(fields)

    def _search(self, maps: Tensor, style: Sequence[Source], start: NNF | None) -> NNF:
        guided = self.guides.shape[1] > 1
        return nearest(
            maps,
            [source.maps for source in style],
            patch=self.patch,
            query_guides=self.guides if guided else None,
            source_guides=[source.guides for source in style] if guided else None,
            guide_weight=self.guide_weight,
            source_mask=[source.valid for source in style],
            start=start,
            generator=self.generator,
        )

    def _shared(self, fields: Sequence[NNF]) -> NNF:
        """Return one field of one to each style, in which each style has its share of each region."""
        distances = torch.cat([field.distances[:, 0] for field in fields])
        choice = distances.argmin(0)
        strength, label = self.guides[0].max(0)
        for region, shares in enumerate(self.shares.unbind(1)):
            here = (label == region) & (strength > 0)
            choice[here] = style_assignment(distances[:, here], shares / shares.sum())
        first, positions, which = 0, [], []
        for field in fields:
            assert field.which is not None
            positions.append(field.positions[:, 0])
            which.append(field.which[:, 0] + first)
            first += len(field.source_sizes)
        sizes = tuple(size for field in fields for size in field.source_sizes)
        at = choice[None, None]
        return NNF(
            torch.cat(positions).gather(0, at.expand(1, 2, -1, -1))[:, None],
            distances.gather(0, choice[None])[:, None],
            sizes[0],
            torch.cat(which).gather(0, choice[None])[:, None],
            sizes,
        )


def style_assignment(distances: Tensor, shares: Tensor, iterations: int = 20) -> Tensor:
    """Return which style each position takes, so that each has its share and the distances sum to the least.

    A style whose patches are a little further everywhere would never be seen.  So each gets a bonus on its
    distances, just large enough for its share: the dual of an assignment with capacities, one style at a time.

    Args:
        distances: (S, N), from each position to the nearest patch of each style.
        shares: (S,), of the N positions; sums to 1.
        iterations: over the styles, of which two need only one.

    Returns:
        (N,), numbers of styles.

    Example:
        >>> import torch
        >>> distances = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.5, 0.5]])
        >>> style_assignment(distances, torch.tensor([0.5, 0.5])).tolist()
        [0, 0, 1, 1]
    """
    count = distances.shape[1]
    bonus = torch.zeros_like(distances[:, :1])
    for style in [*range(len(distances))] * iterations:
        reduced = distances - bonus
        reduced[style] = math.inf
        behind = (distances[style] - reduced.amin(0)).sort().values
        count_of_style = round(float(shares[style]) * count)
        edges = torch.cat([behind[:1] - 1, behind, behind[-1:] + 1])
        bonus[style] = edges[count_of_style : count_of_style + 2].mean()
    return (distances - bonus).argmin(0)
