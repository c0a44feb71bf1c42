"""The Markov random field of a layer: for each patch of the picture the nearest of the styles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto.functional.patches import NNF, nearest, shared_field


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
        return shared_field(fields, self.shares, self.guides)

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
