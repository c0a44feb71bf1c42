"""Which vector of the styles each position takes: the nearest by mean-centred cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional.patches import nearest, shared_field

from .hypercolumns import TINY, centres

CROWD = 10
"""How many of the picture's positions a vector of the style is compared with, to see how much it is in demand."""


class Source(NamedTuple):
    """Vectors that a style, or a rotated copy of it, offers."""

    maps: Tensor
    """(1, C, h, w)."""
    guides: Tensor
    """(1, K, h, w), its regions; what none covers is not taken."""

    def part(self, rows: slice, columns: slice) -> Source:
        """Return some of the positions."""
        return Source(self.maps[..., rows, columns], self.guides[..., rows, columns])


class Match(NamedTuple):
    """What each position of the picture takes."""

    values: Tensor
    """(1, C, h, w), the vector of the style."""
    centre: Tensor
    """(1, C, h, w), the mean of the region of the style that it comes from."""


class Matcher:
    """Gives each position of maps the nearest vector of the styles, and each style its share of each region.

    Args:
        shares: (S, K), how much of each region each of the styles paints, relative to the others.
        guide_weight: what the same region adds to a cosine.
        spread: how much a vector that many positions want is put back, so that more of the style is used.
    """

    def __init__(self, shares: Tensor, guide_weight: float, spread: float) -> None:
        self.shares, self.guide_weight, self.spread = shares, guide_weight, spread

    @torch.no_grad()
    def __call__(
        self,
        maps: Tensor,
        guides: Tensor,
        styles: Sequence[Sequence[Source]],
        generator: torch.Generator | None = None,
    ) -> Match:
        """Return what each position takes.

        Args:
            maps: (1, C, h, w) of the picture.
            guides: (1, K, h, w), its regions.
            styles: sources of each style.
            generator: what an approximate search draws from.
        """
        query = maps - centres(maps, guides)
        regions = F.normalize(guides, dim=1)
        fields, values, middles = [], [], []
        for sources in styles:
            middle = [centres(source.maps, source.guides) for source in sources]
            centred = [source.maps - mean for source, mean in zip(sources, middle, strict=True)]
            ours, theirs = [self.guide_weight * regions], [[F.normalize(source.guides, dim=1)] for source in sources]
            if self.spread:
                ours.append(torch.ones_like(regions[:, :1]))
                for extra, keys in zip(theirs, centred, strict=True):
                    crowd = nearest(keys, query, patch=1, top_k=min(CROWD, query[0, 0].numel()), generator=generator)
                    extra.append(self.spread * crowd.distances.mean(1, keepdim=True))
            fields.append(
                nearest(
                    query,
                    centred,
                    patch=1,
                    query_guides=torch.cat(ours, 1),
                    source_guides=[torch.cat(extra, 1) for extra in theirs],
                    source_mask=[offered(source.guides) for source in sources],
                    generator=generator,
                )
            )
            values += [source.maps for source in sources]
            middles += middle
        field = shared_field(fields, self.shares, regions)
        return Match(field.warp(values), field.warp(middles))


def offered(guides: Tensor) -> Tensor:
    """Return where (1, 1, h, w) a style may be taken from: inside its regions, or where they are strongest."""
    total = guides.sum(1, keepdim=True)
    return (total >= 0.5 * total.amax().clamp_min(TINY)).float()


def subgrid(size: tuple[int, int], most: int, generator: torch.Generator | None) -> tuple[slice, slice]:
    """Return rows and columns of a grid of at most `most` × `most` positions, begun at random.

    Example:
        >>> rows, columns = subgrid((100, 8), 48, None)
        >>> len(range(100)[rows]) <= 48, columns
        (True, slice(0, None, 1))
    """
    parts = []
    for length in size:
        step = -(-length // most)
        # Drawn on the generator's own device; one that is not given is torch's, on the CPU.
        device = "cpu" if generator is None else generator.device
        first = int(torch.randint(step, (1,), generator=generator, device=device))
        parts.append(slice(first, None, step))
    return parts[0], parts[1]
