"""The nearest patches: which search is made, and whether maps, guides and masks fit each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...validation import shape
from ..random import random_seed
from ..resizing import Size, size_of, size_text
from ..statistics import in_float32
from .exact import EXACT_UP_TO, exact_matches
from .extraction import Maps
from .field import NNF
from .patchmatch import PatchMatch
from .query import MEMORY, Query, guidance, map_of

METRICS = ("ncc", "l2")
METHODS = ("auto", "exact", "patchmatch")
AROUND = ("start", "match")


@torch.no_grad()
@in_float32
def nearest(
    query: Tensor,
    source: Maps,
    *,
    patch: int = 3,
    metric: str = "ncc",
    method: str = "auto",
    stride: int = 1,
    top_k: int = 1,
    query_guides: Tensor | None = None,
    source_guides: Maps | None = None,
    guide_weight: float = 1.0,
    source_mask: Maps | None = None,
    start: NNF | None = None,
    iterations: int = 8,
    radius: int | None = None,
    around: str = "start",
    memory: int = MEMORY,
    generator: torch.Generator | None = None,
) -> NNF:
    """Find, for the patch around each position of a query, the nearest patches of a source.

    Borders are repeated outwards, so every position is the middle of a patch, even on a map smaller than one.
    Each picture of a batch is searched for alone.

    Args:
        query: (B, C, H, W), of any float type.
        source: (1 or B, C, h, w), or several such maps, that may differ in size: rotated and scaled copies.
        patch: side of the patches in positions, odd.
        metric: "ncc", 1 - the cosine of the angle between the patches as vectors, in 0 … 2 (Li and Wand 2016); or
            "l2", the mean of the squared differences of their entries.
        method: "exact" compares every patch with every other; "patchmatch" looks where good matches are likely, and
            comes within a few per cent of the mean distance; "auto" is exact for up to `EXACT_UP_TO` pairs of
            patches, unless a radius is given.
        stride: of the query's positions; the field is then ⌈H / stride⌉ × ⌈W / stride⌉.
        top_k: how many matches to keep for each position.
        query_guides: (1 or B, K, H, W), 0 or more, what lies where in the query: regions, or other features.
        source_guides: (1 or B, K, h, w), likewise in the source; one for each of several.
        guide_weight: 0 or more.  A distance is less by this times the product of the guides at both middles; with
            `math.inf` a position matches only those with the same strongest guide, and one without any guide all.
        source_mask: (1 or B, 1, h, w), only positions above 0 may be matched; one for each of several sources.
        start: a field of this size, for "patchmatch" to start from.
        iterations: of "patchmatch".
        radius: how far in positions, along either axis, "patchmatch" looks, instead of everywhere; see `around`.
        around: what a radius is measured from.  "start": a match lies no further than that from where `start` has
            it, or, where mask or guides forbid that, from an allowed position drawn at random; fewer matches than
            `top_k` are filled up with the best.  "match": a match is varied within the radius of where it is so
            far, and spreads from neighbour to neighbour however far, as published; where the start's match is as
            near as what is found, it stays.
        memory: bytes that tables of scores take at most; beside them stand a few copies of the maps.
        generator: what "patchmatch" draws its random numbers from; None: torch's default one.

    Returns:
        The field.  Distances are measured once more, patch by patch, when all are found.

    Raises:
        ValueError: an argument is not one of these, shapes do not fit, or too little is left to be matched.

    "exact" uses that the products of all patches are those of all single positions, summed along the diagonals
    on which two patches move together: patch² times fewer operations than comparing patch with patch.

    "patchmatch" is that of Barnes et al. 2009 with everything at once: matches are taken over from neighbours 4, 2
    and 1 positions away (after Rong and Tan 2006), then varied at random within a shrinking radius.  Where no radius
    limits the search, patches on the same sides of random planes are compared in blocks first (after Korman
    and Avidan 2011).  It compares short descriptors: what patches have along their 64 main directions.

    Example:
        >>> import torch
        >>> source = torch.rand(1, 4, 16, 16)
        >>> nearest(source[..., 2:9, 5:15], source, patch=1).positions[0, 0, :, 0, 0].tolist()
        [2, 5]
    """
    for name, value, choices in (("metric", metric, METRICS), ("method", method, METHODS), ("around", around, AROUND)):
        if value not in choices:
            raise ValueError(f"nearest: {name} = {value!r}\n  what would work: {' or '.join(map(repr, choices))}")
    for name, number in (("stride", stride), ("top_k", top_k), ("iterations", iterations)):
        if number < 1:
            raise ValueError(f"nearest: {name} = {number}\n  what would work: 1 or more")
    if not guide_weight >= 0:
        raise ValueError(f"nearest: guide_weight = {guide_weight}\n  what would work: 0 or more, or math.inf")
    if radius is not None and (start is None or method == "exact"):
        raise ValueError(
            f"nearest: radius = {radius}, but {'there is no start' if start is None else 'method is exact'}\n"
            '  what would work: start=, a field of the size of the query, and method="patchmatch"'
        )
    several = not isinstance(source, Tensor)
    sources = [source] if isinstance(source, Tensor) else list(source)
    guides, masks = _for_each_source(source_guides, len(sources)), _for_each_source(source_mask, len(sources))
    _check_maps(query, sources, query_guides, guides, masks, top_k)
    sizes = tuple((maps.shape[-2], maps.shape[-1]) for maps in sources)
    field = (-(-query.shape[-2] // stride), -(-query.shape[-1] // stride))
    pairs = field[0] * field[1] * sum(height * width for height, width in sizes)
    if method == "auto":
        method = "exact" if radius is None and pairs <= EXACT_UP_TO else "patchmatch"
    if start is not None:
        _check_start(start, len(query), field, sizes)
    # The same random numbers for every picture: its field does not depend on the others in the batch.
    seed = random_seed(generator) if method == "patchmatch" else 0
    found = []
    for index in range(len(query)):
        alone = Query(
            map_of(query, index),
            [map_of(maps, index) for maps in sources],
            patch,
            metric,
            stride,
            top_k,
            *guidance(query_guides, guides, guide_weight, masks, index, stride, top_k),
        )
        if method == "exact":
            found.append(exact_matches(alone, memory))
        else:
            own = torch.Generator(query.device).manual_seed(seed)
            match = PatchMatch(alone, start, index, radius, around, memory, own)
            found.append(match.run(iterations))
    positions, distances, which = (torch.stack(parts) for parts in zip(*found, strict=True))
    return NNF(positions, distances, sizes[0], which if several else None, sizes, stride)


def _for_each_source(maps: Maps | None, count: int) -> list[Tensor]:
    """Return the guides or masks of each source; an empty list where there are none."""
    if maps is None:
        return []
    each = [maps] if isinstance(maps, Tensor) else list(maps)
    if len(each) != count:
        raise ValueError(
            f"nearest: there are {count} sources, but guides or masks for {len(each)}\n"
            "  what would work: one for each source"
        )
    return each


def _check_maps(
    query: Tensor,
    sources: Sequence[Tensor],
    query_guides: Tensor | None,
    source_guides: Sequence[Tensor],
    masks: Sequence[Tensor],
    top_k: int,
) -> None:
    """Raise unless maps, guides and masks fit each other."""
    if not sources or any(len(maps) not in (1, len(query)) or maps.shape[1] != query.shape[1] for maps in sources):
        raise ValueError(
            f"nearest: the query is {shape(query)}, and the sources are {', '.join(map(shape, sources)) or 'none'}\n"
            f"  what would work: sources (1 or {len(query)}, {query.shape[1]}, h, w), with the query's channels"
        )
    if (query_guides is None) != (not source_guides):
        missing = "query_guides" if query_guides is None else "source_guides"
        raise ValueError(
            f"nearest: guides compare query with source, but {missing} are missing\n  what would work: both, or none"
        )
    pairs = [("source_guides", *pair) for pair in zip(source_guides, sources, strict=True)] if source_guides else []
    pairs += [("source_mask", *pair) for pair in zip(masks, sources, strict=True)] if masks else []
    count = 1
    if query_guides is not None:
        pairs.append(("query_guides", query_guides, query))
        count = query_guides.shape[1]
    for name, given, maps in pairs:
        depth = 1 if name == "source_mask" else count
        if given.shape[1:] != (depth, *maps.shape[-2:]) or len(given) not in (1, len(query)):
            raise ValueError(
                f"nearest: {name} are {shape(given)}, for maps {shape(maps)}\n"
                f"  what would work: (1 or {len(query)}, {depth}, {maps.shape[-2]}, {maps.shape[-1]})"
            )
    positions = sum(maps[0, 0].numel() for maps in sources)
    if positions < top_k:
        raise ValueError(
            f"nearest: top_k = {top_k}, but the sources have no more than {positions} positions\n"
            "  what would work: a lower top_k"
        )


def _check_start(start: NNF, batch: int, field: Size, sizes: Sequence[Size]) -> None:
    """Raise if a field to start from belongs to other maps."""
    found = size_of(start.positions)
    if found != field or len(start.positions) not in (1, batch) or start.source_sizes != tuple(sizes):
        raise ValueError(
            f"nearest: the start is a field of {size_text(found)} for sources of {_sizes(start.source_sizes)}, "
            f"but one of {size_text(field)} is searched for in sources of {_sizes(sizes)}\n"
            "  what would work: start.upsample(size, source_size)"
        )


def _sizes(sizes: Sequence[Size]) -> str:
    """Return sizes for a message."""
    return ", ".join(map(size_text, sizes))
