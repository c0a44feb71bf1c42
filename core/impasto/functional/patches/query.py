"""What is searched for in one picture, and what guides and masks add to its distances or forbid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..batches import batch_item
from .extraction import TINY, padded, patch_norms, strided_slice

MEMORY = 256 * 2**20
"""Bytes of scores held at a time, by default."""
CACHE = 8 * 2**20
"""Bytes of scores held at a time on the CPU, where larger tables leave its cache and take longer."""
BAND = 1 << 24
"""Numbers of the patches that are compared at a time when distances are measured."""


@dataclass(frozen=True)
class Query:
    """What is searched for in one picture."""

    maps: Tensor
    """(C, H, W) float32."""
    sources: Sequence[Tensor]
    """Each (C, h, w) float32."""
    patch: int
    metric: str
    stride: int
    top_k: int
    query_bias: Tensor | None
    """(H', W', K), to be multiplied with the sources', at the field's positions, and taken off the distances."""
    source_biases: Sequence[Tensor]
    """Each (h, w, K)."""
    group: Tensor | None
    """(H', W') int64: which of the groups a position belongs to; None if there is only one."""
    allowed: Sequence[Tensor]
    """For each source (G, h, w): what the positions of a group may match; none where everything is allowed."""

    def distances(self, index: int, positions: Tensor) -> Tensor:
        """Return the distances (H', W') to the patches of a source at positions (2, H', W')."""
        source = self.sources[index]
        rows, columns = positions
        query = padded(self.maps[None], self.patch)[0]
        other = padded(source[None], self.patch)[0]
        height, width = rows.shape
        total = query.new_zeros(height, width)
        tall = max(1, BAND // (len(query) * width))
        # In bands, which bound the memory, and between which an interruption is heard.
        for top in range(0, height, tall):
            band = slice(top, top + tall)
            count = len(range(height)[band])
            for down in range(self.patch):
                for right in range(self.patch):
                    down_from = strided_slice(top * self.stride + down, count, self.stride)
                    mine = query[:, down_from, strided_slice(right, width, self.stride)]
                    theirs = other[:, rows[band] + down, columns[band] + right]
                    total[band] += ((mine * theirs) if self.metric == "ncc" else (mine - theirs).square()).sum(0)
        if self.metric == "ncc":
            lengths = self.lengths(self.maps)[:: self.stride, :: self.stride]
            distance = (1 - total / (lengths * self.lengths(source)[rows, columns])).clamp_min(0)
        else:
            distance = total / self.entries
        if self.query_bias is not None:
            distance = distance - (self.query_bias * self.source_biases[index][rows, columns]).sum(-1)
        if self.allowed:
            group = 0 if self.group is None else self.group
            distance = distance.masked_fill(~self.allowed[index][group, rows, columns], math.inf)
        return distance

    @property
    def field_size(self) -> tuple[int, int]:
        """Height and width of the field."""
        return -(-self.maps.shape[-2] // self.stride), -(-self.maps.shape[-1] // self.stride)

    @property
    def entries(self) -> int:
        """How many numbers a patch has."""
        return len(self.maps) * self.patch**2

    def lengths(self, maps: Tensor) -> Tensor:
        """Return the lengths (h, w) of the patches of maps (C, h, w) as vectors, above 0."""
        return patch_norms(maps[None], self.patch)[0, 0].clamp_min(TINY)


def map_of(maps: Tensor, index: int) -> Tensor:
    """Return the map (C, H, W) that goes with one picture of a batch, in float32."""
    return batch_item(maps, index)[0].float()


def guidance(
    query_guides: Tensor | None,
    source_guides: Sequence[Tensor],
    weight: float,
    masks: Sequence[Tensor],
    index: int,
    stride: int,
    top_k: int,
) -> tuple[Tensor | None, list[Tensor], Tensor | None, list[Tensor]]:
    """Return the biases, group and allowed positions of a `Query` that guides and masks make for one picture."""
    free = [map_of(mask, index) > 0 for mask in masks]
    if query_guides is None:
        _check_allowed(free, top_k, "")
        return None, [], None, free
    mine = map_of(query_guides, index)[:, ::stride, ::stride]
    theirs = [map_of(guides, index) for guides in source_guides]
    if math.isfinite(weight):
        _check_allowed(free, top_k, "")
        return weight * mine.permute(1, 2, 0), [guides.permute(1, 2, 0) for guides in theirs], None, free
    count = len(mine)
    group, labels = _strongest_guide(mine), torch.arange(count, device=mine.device).view(-1, 1, 1)
    allowed = []
    for number, guides in enumerate(theirs):
        # The last group has no guide, and may match everything.
        may = torch.cat([_strongest_guide(guides) == labels, torch.ones_like(guides[:1], dtype=torch.bool)])
        allowed.append(may & free[number] if free else may)
    for label in unique_labels(group):
        name = f" with guide {label}, which the query has" if label < count else ""
        _check_allowed([positions[label] for positions in allowed], top_k, name)
    return None, [], group, allowed


def unique_labels(group: Tensor) -> list[int]:
    """Return the labels that occur."""
    return [number for number, count in enumerate(group.flatten().bincount().tolist()) if count]


def _strongest_guide(guides: Tensor) -> Tensor:
    """Return which of K guides (K, h, w) is the strongest at each position, K where none is above 0."""
    strength, label = guides.max(0)
    return label.where(strength > 0, len(guides))


def _check_allowed(allowed: Sequence[Tensor], count: int, name: str) -> None:
    """Raise if too little of the sources may be matched."""
    left = sum(int(positions.sum()) for positions in allowed)
    if allowed and left < count:
        raise ValueError(
            f"nearest: {count} position{'s' * (count > 1)} of the source{name} must be there to be matched, "
            f"but mask and guides leave {left or 'none'}\n"
            "  what would work: a mask and guides that have it, or a lower top_k"
        )


def best_matches(positions: Tensor, distances: Tensor, which: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the nearest `top_k` of several matches, sorted."""
    distances, order = distances.sort(stable=True, dim=0)
    order = order[:top_k]
    return positions.gather(0, order[:, None].expand(-1, 2, -1, -1)), distances[:top_k], which.gather(0, order)
