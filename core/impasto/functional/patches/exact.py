"""The exact search: every patch of a query compared with every patch of a source."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ..resizing import Size
from .extraction import padded, strided_slice
from .query import CACHE, Query, best_matches

EXACT_UP_TO = 2**28
"""Pairs of patches up to which "auto" compares them all: 128×128 with 128×128, some 1 s on one core.

There the approximate search takes half the time; it is ahead from about 100×100 (benchmarks/patches.py).
"""


def exact_matches(search: Query, memory: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return positions (K, 2, H', W'), distances (K, H', W') and sources (K, H', W') of the nearest patches."""
    places, distances, which = [], [], []
    for index in range(len(search.sources)):
        positions = _most_alike(search, index, memory)
        places.append(positions)
        distances.append(torch.stack([search.distances(index, one) for one in positions]))
        which.append(torch.full_like(positions[:, 0], index))
    return best_matches(torch.cat(places), torch.cat(distances), torch.cat(which), search.top_k)


def _most_alike(search: Query, index: int, memory: int) -> Tensor:
    """Return the positions (K, 2, H', W') in one source that are most like each of the query's."""
    query, source, patch, stride = search.maps, search.sources[index], search.patch, search.stride
    height, width = source.shape[-2:]
    if search.metric == "ncc":
        scale, unit = search.lengths(source).reciprocal(), search.lengths(query)[::stride, ::stride, None]
    else:
        # Likeness is q·s - |s|²/2: the square is one more channel.  Centred, for less to cancel.
        centre = source.mean((1, 2), keepdim=True)
        query, source = query - centre, source - centre
        query = torch.cat([query, torch.ones_like(query[:1])])
        source = torch.cat([source, source.square().sum(0, keepdim=True) / -2])
        scale, unit = None, torch.tensor(search.entries / 2, dtype=torch.float32, device="cpu")
    mine, theirs = (padded(one[None], patch)[0].permute(1, 2, 0).contiguous() for one in (query, source))
    field = (-(-query.shape[-2] // stride), -(-query.shape[-1] // stride))
    bias = None if search.query_bias is None else search.query_bias * unit.to(query.device)
    forbidden = torch.zeros(0, dtype=torch.float32, device="cpu")
    if search.allowed:
        forbidden = torch.zeros_like(search.allowed[index], dtype=query.dtype).masked_fill_(
            ~search.allowed[index], -math.inf
        )
    best = torch.empty(min(search.top_k, height * width), *field, dtype=torch.long, device=query.device)
    tall, wide, deep = _block_size(field, height, width, patch, stride, memory, query.device.type)
    for top in range(0, field[0], tall):
        for left in range(0, field[1], wide):
            block = (slice(top, min(top + tall, field[0])), slice(left, min(left + wide, field[1])))
            rows, columns = (len(range(*part.indices(part.stop))) for part in block)
            part = mine[top * stride :, left * stride :][
                : (rows - 1) * stride + patch, : (columns - 1) * stride + patch
            ]
            leading: list[Tensor] = []
            places: list[Tensor] = []
            for first in range(0, height, deep):
                lines = slice(first, min(first + deep, height))
                other = theirs[first : lines.stop + patch - 1]
                count = lines.stop - first
                table = (part.flatten(0, 1) @ other.flatten(0, 1).mT).view(*part.shape[:2], *other.shape[:2])
                across = _sum(table[:, strided_slice(d, columns, stride), :, d : d + width] for d in range(patch))
                del table
                scores = _sum(across[strided_slice(d, rows, stride), :, d : d + count] for d in range(patch))
                del across
                if scale is not None:
                    scores *= scale[lines]
                if bias is not None:
                    products = bias[block].flatten(0, 1) @ search.source_biases[index][lines].flatten(0, 1).mT
                    scores += products.view(scores.shape)
                if search.allowed:
                    scores += forbidden[:, lines][0 if search.group is None else search.group[block]]
                values, where = _peaks(scores, len(best))
                leading.append(values)
                places.append(where + first * width)
            values, order = torch.cat(leading, -1).topk(len(best))
            best[:, block[0], block[1]] = torch.cat(places, -1).gather(-1, order).movedim(-1, 0)
    return torch.stack([best // width, best % width], 1)


def _sum(parts: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors, of one the tensor itself."""
    rest = iter(parts)
    first = next(rest)
    second = next(rest, None)
    if second is None:
        return first
    total = first + second
    for part in rest:
        total += part
    return total


def _peaks(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the highest scores (…, h, w) and where they are in the flattened map, both (…, count or less).

    They lie in the rows with the highest maxima: a plain maximum takes a twentieth of the time of one with its place.
    """
    width = scores.shape[-1]
    rows = scores.amax(-1).topk(min(count, scores.shape[-2])).indices
    lines = scores.gather(-2, rows[..., None].expand(*rows.shape, width)).flatten(-2)
    values, places = lines.topk(min(count, lines.shape[-1]))
    return values, rows.gather(-1, places // width) * width + places % width


def _block_size(
    field: Size, height: int, width: int, patch: int, stride: int, memory: int, device: str
) -> tuple[int, int, int]:
    """Return how many rows and columns of the field, and rows of the source, are compared at a time."""
    lengths = [*field, height]
    budget = min(memory, CACHE) if device == "cpu" else memory

    def needed() -> int:
        # The table of products, its sums across and down, and what guides add or forbid: 4 bytes a score.
        rows, columns = ((length - 1) * stride + patch for length in lengths[:2])
        return 16 * rows * columns * (lengths[2] + patch - 1) * (width + patch - 1)

    while needed() > budget and max(lengths) > 1:
        largest = lengths.index(max(lengths))
        lengths[largest] = -(-lengths[largest] // 2)
    if needed() > memory:
        raise ValueError(
            f"nearest: the scores of a single patch take {needed():,} bytes, but memory is limited to {memory:,}\n"
            "  what would work: more memory, or a smaller patch"
        )
    return lengths[0], lengths[1], lengths[2]
