"""Patches of maps: which patch of a source is nearest to each of a query, and what is painted from those."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from .statistics import in_float32

Maps: TypeAlias = Tensor | Sequence[Tensor]
"""One map (B, C, h, w), or several that may differ in size."""
Size: TypeAlias = tuple[int, int]

METRICS = ("ncc", "l2")
METHODS = ("auto", "exact", "patchmatch")
MEMORY = 256 * 2**20
"""Bytes of scores held at a time, unless told otherwise."""
CACHE = 8 * 2**20
"""Bytes of scores held at a time on the processor, where larger tables leave its cache and take longer."""
EXACT_UP_TO = 2**28
"""Pairs of patches up to which "auto" compares them all: 128×128 with 128×128, some 1 s on one core.

There the approximate search takes half the time; it is ahead from about 100×100 (benchmarks/patches.py).
"""
TINY = 1e-12


# --------------------------------------------------------------------------------------------------- patches


def extract(maps: Tensor, patch: int, stride: int = 1) -> Tensor:
    """Return the patches of maps as columns, the borders repeated outwards so that every position is a middle.

    Args:
        maps: (B, C, H, W).
        patch: side of the patches in positions, odd.
        stride: from middle to middle, in positions.

    Returns:
        (B, C · patch · patch, N), where N = ⌈H / stride⌉ · ⌈W / stride⌉.

    Raises:
        ValueError: the side of the patches is even.

    Example:
        >>> import torch
        >>> extract(torch.arange(6.0).view(1, 1, 2, 3), 3)[0, :, 0].tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 3.0, 3.0, 4.0]
    """
    return F.unfold(bordered(maps, patch), patch, stride=stride)


def bordered(maps: Tensor, patch: int) -> Tensor:
    """Return maps (B, C, H, W) with as much border repeated as patches of this side reach out."""
    if patch < 1 or patch % 2 == 0:
        raise ValueError(
            f"the side of a patch is asked to be {patch}, but a patch with a middle has an odd one\n"
            "  what would work: patch=3, or 1, 5, 7 …"
        )
    return F.pad(maps, (patch // 2,) * 4, mode="replicate")


def norms(maps: Tensor, patch: int) -> Tensor:
    """Return the Euclidean norm of the patch around each position of maps (B, C, H, W), as (B, 1, H, W)."""
    energy = bordered(maps.square().sum(1, keepdim=True), patch)
    return (F.avg_pool2d(energy, patch, stride=1) * patch**2).sqrt()


def look_up(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the values (B, C, …) of maps (1 or B, C, h, w) at rows and columns (B, …), clamped into them."""
    height, width = maps.shape[-2:]
    index = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(1)
    flat = maps.flatten(2).expand(len(rows), -1, -1)
    return flat.gather(2, index[:, None].expand(-1, flat.shape[1], -1)).view(*flat.shape[:2], *rows.shape[1:])


# --------------------------------------------------------------------------------------------------- the field


@dataclass(frozen=True, eq=False)
class NNF:
    """A nearest-neighbour field: for each position of a query the position of a source with the nearest patch.

    Example:
        >>> import torch
        >>> features = torch.rand(1, 8, 12, 10)
        >>> field = nearest(features, features.flip(-1), patch=1)
        >>> torch.equal(field.warp(features.flip(-1)), features)
        True
    """

    positions: Tensor
    """(B, K, 2, H, W) int64: row and column of the middle of the patch in the source; the best of K first."""
    distances: Tensor
    """(B, K, H, W) float32, see `nearest`."""
    source_size: Size
    """Height and width of the source; of the first, if there are several."""
    which: Tensor | None = None
    """(B, K, H, W) int64: which of several sources; None where there is one."""
    source_sizes: tuple[Size, ...] = ()
    """Height and width of each source."""
    stride: int = 1
    """Positions of the query from one position of the field to the next."""

    def __post_init__(self) -> None:
        if not self.source_sizes:
            object.__setattr__(self, "source_sizes", (self.source_size,))

    def upsample(self, size: Size, source_size: Size | Sequence[Size]) -> NNF:
        """Return the field for finer maps: positions are scaled, and each keeps its offset inside its parent.

        Args:
            size: height and width of the finer query.
            source_size: of the finer source, or of each of several.

        Returns:
            A field with the distances of the coarser one: something to start from.
        """
        sizes = tuple(cast("Sequence[Size]", [source_size] if isinstance(source_size[0], int) else source_size))
        device = self.positions.device
        parents, offsets = [], []
        for fine, coarse in zip(size, self.positions.shape[-2:], strict=True):
            middles = torch.arange(fine, device=device) + 0.5
            parents.append((middles * (coarse / fine)).long().clamp_max(coarse - 1))
            offsets.append(middles - parents[-1] * (fine / coarse))
        family = (..., parents[0][:, None], parents[1])
        which = None if self.which is None else self.which[family]
        source = 0 if which is None else which
        places = []
        for axis, offset in enumerate((offsets[0][:, None], offsets[1])):
            lengths = [(new[axis], old[axis]) for new, old in zip(sizes, self.source_sizes, strict=True)]
            scale = torch.tensor([new / old for new, old in lengths], device=device)[source]
            last = torch.tensor([new - 1 for new, _ in lengths], device=device)[source]
            places.append((self.positions[:, :, axis][family] * scale + offset).long().minimum(last))
        return NNF(torch.stack(places, 2), self.distances[family], sizes[0], which, sizes)

    def warp(self, source: Maps) -> Tensor:
        """Return the value of the source (1 or B, C, h, w) at each best position, (B, C, H, W)."""
        return self._values(source, 0, 0)

    def vote(self, source: Maps, patch: int = 3, weights: Tensor | None = None) -> Tensor:
        """Return what the best patches paint together, each value the mean of all patches that cover it.

        Args:
            source: (1 or B, C, h, w), or several as they were given to `nearest`.
            patch: side of the patches in positions, odd.
            weights: (B or 1, 1, H, W), how much the patch of each position counts; None counts all alike.

        Returns:
            (B, C, H, W); 0 where no patch has a weight.

        Raises:
            ValueError: the field has a stride, so patches need not cover every position.
        """
        if self.stride != 1:
            raise ValueError(
                f"patches {self.stride} positions apart cannot vote for every position\n"
                "  what would work: nearest(…, stride=1)"
            )
        batch, _, _, height, width = self.positions.shape
        counted = self.distances.new_ones(batch, 1, height, width) if weights is None else weights
        first = source if isinstance(source, Tensor) else source[0]
        total, count = first.new_zeros(batch, first.shape[1], height, width), torch.zeros_like(counted)
        reach = range(-(patch // 2), patch // 2 + 1)
        for down in reach:
            for right in reach:
                # Only patches inside the field vote, for the values that lie inside it.
                middles = (..., inside(-down, height), inside(-right, width))
                reached = (..., inside(down, height), inside(right, width))
                total[reached] += counted[middles] * self._values(source, down, right)[middles]
                count[reached] += counted[middles]
        return total / count.clamp_min(torch.finfo(count.dtype).tiny)

    def _values(self, source: Maps, down: int, right: int) -> Tensor:
        """Return the source's values so far from the best positions."""
        rows, columns = self.positions[:, 0, 0] + down, self.positions[:, 0, 1] + right
        if isinstance(source, Tensor):
            return look_up(source, rows, columns)
        values = torch.stack([look_up(one, rows, columns) for one in source])
        assert self.which is not None
        return values.gather(0, self.which[None, :, :1].expand(1, *values.shape[1:]))[0]

    def consistency(self, back: NNF) -> Tensor:
        """Return how far from itself, in positions, each position arrives after there and back, (B, 1, H, W).

        Args:
            back: the field from the source to the query.
        """
        rows, columns = self.positions[:, 0].unbind(1)
        arrived = look_up(back.positions[:, 0], rows, columns)
        return (arrived - self._own()).float().square().sum(1, keepdim=True).sqrt()

    def confidence(self) -> Tensor:
        """Return how well each position is matched beside the others, (B, 1, H, W) in (0, 1].

        It is exp(-d / m), with the distance d of the best match and the median m over the picture: 1 for a patch
        that the source has, 0.37 for a usual one, towards 0 for one that the source has nothing like.
        """
        distance = self.distances[:, :1].clamp_min(0)
        # Even the distance of a patch from itself is rounded.
        usual = distance.flatten(1).median(1).values.clamp_min(1e-6)
        return (-distance / usual.view(-1, 1, 1, 1)).exp()

    def picture(self) -> Tensor:
        """Return where each position is matched to as colours, (B, 3, H, W) in [0, 1].

        The hue is the direction of the offset: red is to the right, yellow-green down, cyan to the left, violet
        up; the saturation is its length beside the longest, both as shares of the maps' sizes.  White stays where
        it is, and one colour throughout is a piece copied whole.
        """
        device = self.positions.device
        where = self.positions[:, 0] / torch.tensor(self.source_size, device=device)[:, None, None]
        own = self._own() / (self.stride * torch.tensor(self.positions.shape[-2:], device=device)[:, None, None])
        down, right = torch.split(where - own, 1, dim=1)
        length = torch.hypot(down, right)
        saturation = length / length.amax((1, 2, 3), keepdim=True).clamp_min(TINY)
        sixth = torch.atan2(down, right) * (3 / math.pi) + torch.tensor([5.0, 3.0, 1.0], device=device)[:, None, None]
        sixth = sixth % 6
        return 1 - saturation * torch.minimum(sixth, 4 - sixth).clamp(0, 1)

    def _own(self) -> Tensor:
        """Return the positions themselves, (2, H, W)."""
        height, width = self.positions.shape[-2:]
        return grid(height, width, self.positions.device) * self.stride


def inside(shift: int, length: int) -> slice:
    """Return which of so many positions have, `shift` before them, another one."""
    return slice(max(0, shift), length + min(0, shift))


def grid(height: int, width: int, device: torch.device) -> Tensor:
    """Return the row and column of each position, (2, H, W)."""
    axes = (torch.arange(length, device=device) for length in (height, width))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


# --------------------------------------------------------------------------------------------------- the search


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
    memory: int = MEMORY,
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
        radius: how far in positions, along either axis, a match may lie from where `start` has it; where mask or
            guides forbid that, from an allowed position drawn at random.  Fewer matches than `top_k` are filled up with
            the best.
        memory: bytes that tables of scores take at most; beside them stand a few copies of the maps.

    Returns:
        The field.  Distances are measured once more, patch by patch, when all are found.

    Raises:
        ValueError: an argument is not one of these, shapes do not fit, or too little is left to be matched.

    "exact" uses that the products of all patches are those of all single positions, summed along the diagonals
    on which two patches move together: patch² times fewer operations than comparing patch with patch.

    "patchmatch" is that of Barnes et al. 2009 with everything at once: matches are taken over from neighbours 4, 2
    and 1 positions away (after Rong and Tan 2006), then varied at random within a shrinking radius.  Where no radius
    limits the search, patches on the same sides of random planes are compared in blocks first (after Korman
    and Avidan 2011).  It compares short descriptors: what patches have along their `DIRECTIONS` main directions.

    Example:
        >>> import torch
        >>> source = torch.rand(1, 4, 16, 16)
        >>> nearest(source[..., 2:9, 5:15], source, patch=1).positions[0, 0, :, 0, 0].tolist()
        [2, 5]
    """
    for name, value, known in (("metric", metric, METRICS), ("method", method, METHODS)):
        if value not in known:
            raise ValueError(f"{name} is asked to be {value!r}\n  what would work: {' or '.join(map(repr, known))}")
    for name, number in (("stride", stride), ("top_k", top_k), ("iterations", iterations)):
        if number < 1:
            raise ValueError(f"{name} is asked to be {number}\n  what would work: 1 or more")
    if not guide_weight >= 0:
        raise ValueError(f"guide_weight is asked to be {guide_weight}\n  what would work: 0 or more, or math.inf")
    if radius is not None and (start is None or method == "exact"):
        raise ValueError(
            f"a radius of {radius} is asked for, but {'there is no start' if start is None else 'method is exact'}\n"
            '  what would work: start=, a field of the size of the query, and method="patchmatch"'
        )
    several = not isinstance(source, Tensor)
    sources = [source] if isinstance(source, Tensor) else list(source)
    guides, masks = listed(source_guides, len(sources)), listed(source_mask, len(sources))
    check(query, sources, query_guides, guides, masks, top_k)
    sizes = tuple((one.shape[-2], one.shape[-1]) for one in sources)
    field = (-(-query.shape[-2] // stride), -(-query.shape[-1] // stride))
    pairs = field[0] * field[1] * sum(height * width for height, width in sizes)
    if method == "auto":
        method = "exact" if radius is None and pairs <= EXACT_UP_TO else "patchmatch"
    if start is not None:
        check_start(start, len(query), field, sizes)
    # The same random numbers for every picture: its field does not depend on the others in the batch.
    seed = int(torch.randint(2**62, ())) if method == "patchmatch" else 0
    found = []
    for index in range(len(query)):
        task = Task(
            chosen(query, index),
            [chosen(one, index) for one in sources],
            patch,
            metric,
            stride,
            top_k,
            *favours(query_guides, guides, guide_weight, masks, index, stride, top_k),
        )
        if method == "exact":
            found.append(exact(task, memory))
        else:
            generator = torch.Generator(query.device).manual_seed(seed)
            found.append(PatchMatch(task, start, index, radius, memory, generator).run(iterations))
    positions, distances, which = (torch.stack(parts) for parts in zip(*found, strict=True))
    return NNF(positions, distances, sizes[0], which if several else None, sizes, stride)


@dataclass(frozen=True)
class Task:
    """What is sought for one picture."""

    query: Tensor
    """(C, H, W) float32."""
    sources: Sequence[Tensor]
    """Each (C, h, w) float32."""
    patch: int
    metric: str
    stride: int
    top_k: int
    query_favour: Tensor | None
    """(H', W', K), to be multiplied with the sources', at the field's positions."""
    source_favours: Sequence[Tensor]
    """Each (h, w, K)."""
    group: Tensor | None
    """(H', W') int64: which of the groups a position belongs to; None if there is only one."""
    allowed: Sequence[Tensor]
    """For each source (G, h, w): what the positions of a group may match; none where everything is allowed."""

    def distances(self, index: int, positions: Tensor) -> Tensor:
        """Return the distances (H', W') to the patches of a source at positions (2, H', W')."""
        source = self.sources[index]
        rows, columns = positions
        query = bordered(self.query[None], self.patch)[0]
        other = bordered(source[None], self.patch)[0]
        height, width = rows.shape
        total = query.new_zeros(height, width)
        for down in range(self.patch):
            for right in range(self.patch):
                mine = query[:, every(down, height, self.stride), every(right, width, self.stride)]
                theirs = other[:, rows + down, columns + right]
                total += ((mine * theirs) if self.metric == "ncc" else (mine - theirs).square()).sum(0)
        if self.metric == "ncc":
            lengths = self.lengths(self.query)[:: self.stride, :: self.stride]
            distance = (1 - total / (lengths * self.lengths(source)[rows, columns])).clamp_min(0)
        else:
            distance = total / self.entries
        if self.query_favour is not None:
            distance = distance - (self.query_favour * self.source_favours[index][rows, columns]).sum(-1)
        if self.allowed:
            group = 0 if self.group is None else self.group
            distance = distance.masked_fill(~self.allowed[index][group, rows, columns], math.inf)
        return distance

    @property
    def entries(self) -> int:
        """How many numbers a patch has."""
        return len(self.query) * self.patch**2

    def lengths(self, maps: Tensor) -> Tensor:
        """Return the lengths (h, w) of the patches of maps (C, h, w) as vectors, above 0."""
        return norms(maps[None], self.patch)[0, 0].clamp_min(TINY)


def every(first: int, count: int, stride: int) -> slice:
    """Return so many positions from the first on, `stride` apart."""
    return slice(first, first + (count - 1) * stride + 1, stride)


def chosen(maps: Tensor, index: int) -> Tensor:
    """Return the map of one picture, float32, where one may stand for all."""
    return maps[index if len(maps) > 1 else 0].float()


def listed(maps: Maps | None, count: int) -> list[Tensor]:
    """Return what is given for the sources, one by one; nothing where nothing is."""
    if maps is None:
        return []
    each = [maps] if isinstance(maps, Tensor) else list(maps)
    if len(each) != count:
        raise ValueError(
            f"there are {count} sources, but guides or masks for {len(each)}\n  what would work: one for each source"
        )
    return each


def favours(
    query_guides: Tensor | None,
    source_guides: Sequence[Tensor],
    weight: float,
    masks: Sequence[Tensor],
    index: int,
    stride: int,
    top_k: int,
) -> tuple[Tensor | None, list[Tensor], Tensor | None, list[Tensor]]:
    """Return what favours and what forbids matches of one picture, as `Task` has it."""
    free = [chosen(mask, index) > 0 for mask in masks]
    if query_guides is None:
        require(free, top_k, "")
        return None, [], None, free
    mine = chosen(query_guides, index)[:, ::stride, ::stride]
    theirs = [chosen(one, index) for one in source_guides]
    if math.isfinite(weight):
        require(free, top_k, "")
        return weight * mine.permute(1, 2, 0), [one.permute(1, 2, 0) for one in theirs], None, free
    count = len(mine)
    group, labels = strongest(mine), torch.arange(count, device=mine.device).view(-1, 1, 1)
    allowed = []
    for number, one in enumerate(theirs):
        # The last group has no guide, and may match everything.
        may = torch.cat([strongest(one) == labels, torch.ones_like(one[:1], dtype=torch.bool)])
        allowed.append(may & free[number] if free else may)
    for label in present(group):
        name = f" with guide {label}, which the query has" if label < count else ""
        require([one[label] for one in allowed], top_k, name)
    return None, [], group, allowed


def present(group: Tensor) -> list[int]:
    """Return which numbers there are."""
    return [number for number, count in enumerate(group.flatten().bincount().tolist()) if count]


def strongest(guides: Tensor) -> Tensor:
    """Return which of K guides (K, h, w) is the strongest at each position, K where none is above 0."""
    strength, label = guides.max(0)
    return label.where(strength > 0, len(guides))


def require(allowed: Sequence[Tensor], count: int, name: str) -> None:
    """Refuse sources of which too little may be matched."""
    left = sum(int(one.sum()) for one in allowed)
    if allowed and left < count:
        raise ValueError(
            f"{count} position{'s' * (count > 1)} of the source{name} must be there to be matched, but mask and guides "
            f"leave {left or 'none'}\n  what would work: a mask and guides that have it, or a lower top_k"
        )


# ---------------------------------------------------------------------------------------------------- exact search


def exact(task: Task, memory: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return positions (K, 2, H', W'), distances (K, H', W') and sources (K, H', W') of the nearest patches."""
    places, distances, which = [], [], []
    for index in range(len(task.sources)):
        positions = compared(task, index, memory)
        places.append(positions)
        distances.append(torch.stack([task.distances(index, one) for one in positions]))
        which.append(torch.full_like(positions[:, 0], index))
    return ranked(torch.cat(places), torch.cat(distances), torch.cat(which), task.top_k)


def ranked(positions: Tensor, distances: Tensor, which: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best of several matches, sorted."""
    distances, order = distances.sort(stable=True, dim=0)
    order = order[:top_k]
    return positions.gather(0, order[:, None].expand(-1, 2, -1, -1)), distances[:top_k], which.gather(0, order)


def compared(task: Task, index: int, memory: int) -> Tensor:
    """Return the positions (K, 2, H', W') in one source that are most like each of the query's."""
    query, source, patch, stride = task.query, task.sources[index], task.patch, task.stride
    height, width = source.shape[-2:]
    if task.metric == "ncc":
        scale, unit = task.lengths(source).reciprocal(), task.lengths(query)[::stride, ::stride, None]
    else:
        # Likeness is q·s - |s|²/2: the square is one more channel.  Centred, for less to cancel.
        centre = source.mean((1, 2), keepdim=True)
        query, source = query - centre, source - centre
        query = torch.cat([query, torch.ones_like(query[:1])])
        source = torch.cat([source, source.square().sum(0, keepdim=True) / -2])
        scale, unit = None, torch.tensor(task.entries / 2)
    mine, theirs = (bordered(one[None], patch)[0].permute(1, 2, 0).contiguous() for one in (query, source))
    field = (-(-query.shape[-2] // stride), -(-query.shape[-1] // stride))
    favour = None if task.query_favour is None else task.query_favour * unit.to(query.device)
    forbidden = torch.zeros(0)
    if task.allowed:
        forbidden = torch.zeros_like(task.allowed[index], dtype=query.dtype).masked_fill_(
            ~task.allowed[index], -math.inf
        )
    best = torch.empty(min(task.top_k, height * width), *field, dtype=torch.long, device=query.device)
    tall, wide, deep = tile(field, height, width, patch, stride, memory, query.device.type)
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
                across = added(table[:, every(d, columns, stride), :, d : d + width] for d in range(patch))
                del table
                scores = added(across[every(d, rows, stride), :, d : d + count] for d in range(patch))
                del across
                if scale is not None:
                    scores *= scale[lines]
                if favour is not None:
                    products = favour[block].flatten(0, 1) @ task.source_favours[index][lines].flatten(0, 1).mT
                    scores += products.view(scores.shape)
                if task.allowed:
                    scores += forbidden[:, lines][0 if task.group is None else task.group[block]]
                values, where = peaks(scores, len(best))
                leading.append(values)
                places.append(where + first * width)
            values, order = torch.cat(leading, -1).topk(len(best))
            best[:, block[0], block[1]] = torch.cat(places, -1).gather(-1, order).movedim(-1, 0)
    return torch.stack([best // width, best % width], 1)


def added(parts: Iterable[Tensor]) -> Tensor:
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


def peaks(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the highest scores (…, h, w) and where they are in the flattened map, both (…, count or less).

    They lie in the rows with the highest maxima: a plain maximum takes a twentieth of the time of one with its place.
    """
    width = scores.shape[-1]
    rows = scores.amax(-1).topk(min(count, scores.shape[-2])).indices
    lines = scores.gather(-2, rows[..., None].expand(*rows.shape, width)).flatten(-2)
    values, places = lines.topk(min(count, lines.shape[-1]))
    return values, rows.gather(-1, places // width) * width + places % width


def tile(
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
            f"the scores of a single patch take {needed():,} bytes, but memory is limited to {memory:,}\n"
            "  what would work: more memory, or a smaller patch"
        )
    return lengths[0], lengths[1], lengths[2]


# ------------------------------------------------------------------------------------------------------ PatchMatch

DIRECTIONS = 64
"""Numbers in the short descriptors of patches."""
SAMPLE = 2048
"""Patches that the main directions are taken from."""
JUMPS = (4, 2, 1)
NEARBY = 4
"""Positions within which a match is varied at random where no radius is given."""
BLOCK, WINDOW = 64, 128
"""Patches of the query compared at a time, and with how many of the source."""


class PatchMatch:
    """The approximate search for one picture: matches are flat positions in the sources, one after the other."""

    def __init__(
        self, task: Task, start: NNF | None, index: int, radius: int | None, memory: int, generator: torch.Generator
    ) -> None:
        self.task, self.radius, self.generator = task, radius, generator
        device = task.query.device
        self.budget = min(memory, CACHE) if device.type == "cpu" else memory
        self.field = (-(-task.query.shape[-2] // task.stride), -(-task.query.shape[-1] // task.stride))
        shapes = torch.tensor([one.shape[-2:] for one in task.sources], device=device)
        self.heights, self.widths = shapes.unbind(1)
        self.ends = shapes.prod(1).cumsum(0)
        self.firsts = self.ends - shapes.prod(1)
        self.allowed = torch.cat([one.flatten(1) for one in task.allowed], 1) if task.allowed else None
        self.group = torch.zeros(self.field, dtype=torch.long, device=device) if task.group is None else task.group
        self.group = self.group.flatten()
        self.parts = self.partition()
        self.query, self.source = self.descriptors()
        begun = self.drawn()[None]
        if start is not None:
            given = start.positions[index if len(start.positions) > 1 else 0]
            which = start.which if start.which is None else start.which[index if len(start.which) > 1 else 0]
            begun = torch.cat([self.flat(which, *given.unbind(1)).flatten(1), begun])
            if self.allowed is not None:
                begun = begun.where(self.allowed[self.group, begun], begun[-1])
        self.home = None if radius is None else self.place(begun[0])
        self.best = begun[:1].repeat(task.top_k, 1)
        self.scores = torch.full(self.best.shape, -math.inf, device=device)
        self.scores[0] = self.score(begun[0])
        for matches in begun[1:]:
            self.offer(matches)

    def run(self, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
        """Search, and return positions (K, 2, H', W'), distances (K, H', W') and sources (K, H', W')."""
        for _ in range(iterations):
            if self.radius is None:
                for queries, sources in self.parts:
                    self.compare_alike(queries, sources)
            for jump in JUMPS:
                self.propagate(jump)
            reach = NEARBY if self.radius is None else self.radius
            while reach >= 1:
                self.vary(reach)
                reach //= 2
        best = self.best.where(self.scores > -math.inf, self.best[0])
        which, rows, columns = (part.expand_as(best).view(-1, *self.field) for part in self.place(best))
        positions = torch.stack([rows, columns], 1)
        # Each match is measured in all sources, at its positions if it lies there, and counts in its own.
        distances = torch.stack(
            [
                torch.stack([self.task.distances(source, one) for one in positions * (which == source)[:, None]])
                for source in range(len(self.task.sources))
            ]
        )
        return ranked(positions, distances.gather(0, which[None])[0], which, self.task.top_k)

    # ------------------------------------------------------------------------------------------ what is compared

    def descriptors(self) -> tuple[Tensor, Tensor]:
        """Return descriptors of the query's (N, D) and the sources' patches (M, D), whose products are the likeness."""
        task = self.task
        maps = [task.query, *task.sources]
        if task.metric == "l2":
            centre = task.sources[0].mean((1, 2), keepdim=True)
            maps = [one - centre for one in maps]
        lengths = [task.lengths(one) for one in maps]
        self.basis = main_directions(maps, lengths if task.metric == "ncc" else [], task.patch, self.generator)
        short = [F.conv2d(bordered(one[None], task.patch), self.basis)[0] for one in maps]
        if task.metric == "ncc":
            unit = 1.0
            short = [one / length for one, length in zip(short, lengths, strict=True)]
        else:
            # As in the exact search, the square of the source's patch is one more number.
            unit = task.entries / 2
            squares = [torch.ones_like(lengths[0]), *(length.square() / -2 for length in lengths[1:])]
            short = [torch.cat([one, square[None]]) for one, square in zip(short, squares, strict=True)]
        mine, *theirs = (one.permute(1, 2, 0) for one in short)
        mine = mine[:: task.stride, :: task.stride]
        if task.query_favour is not None:
            mine = torch.cat([mine, unit * task.query_favour], -1)
            theirs = [torch.cat(pair, -1) for pair in zip(theirs, task.source_favours, strict=True)]
        return mine.flatten(0, 1).contiguous(), torch.cat([one.flatten(0, 1) for one in theirs])

    def partition(self) -> list[tuple[Tensor, Tensor]]:
        """Return for each group its positions in the field, and those in the sources that they may match."""
        if self.allowed is None:
            return [
                (
                    torch.arange(len(self.group), device=self.group.device),
                    torch.arange(int(self.ends[-1]), device=self.group.device),
                )
            ]
        return [
            ((self.group == group).nonzero()[:, 0], self.allowed[group].nonzero()[:, 0])
            for group in present(self.group)
        ]

    def drawn(self) -> Tensor:
        """Return a match drawn at random for each position, among those allowed."""
        matches = torch.empty_like(self.group)
        for queries, sources in self.parts:
            matches[queries] = sources[(self.random(len(queries)) * len(sources)).long()]
        return matches

    def random(self, *shape: int) -> Tensor:
        """Return random numbers in [0, 1)."""
        return torch.rand(*shape, generator=self.generator, device=self.group.device)

    # ---------------------------------------------------------------------------------------- where matches lie

    def place(self, matches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return which source flat positions lie in, and their rows and columns there."""
        which = torch.bucketize(matches, self.ends, right=True) if len(self.ends) > 1 else torch.zeros_like(self.ends)
        inner, width = matches - self.firsts[which], self.widths[which]
        return which, inner // width, inner % width

    def flat(self, which: Tensor | None, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the flat positions of rows and columns, clamped into their source."""
        source = 0 if which is None else which
        height, width = self.heights[source], self.widths[source]
        zero = torch.zeros_like(height)
        return self.firsts[source] + rows.clamp(zero, height - 1) * width + columns.clamp(zero, width - 1)

    # --------------------------------------------------------------------------------------------- candidates

    def score(self, matches: Tensor) -> Tensor:
        """Return the likeness (N) of one match for each position, -∞ for what is forbidden or too far away."""
        count = max(1, self.budget // (8 * self.query.shape[1]))
        parts = zip(torch.split(self.query, count), torch.split(matches, count), strict=True)
        scores = torch.cat([(mine * self.source[some]).sum(1) for mine, some in parts])
        if self.allowed is not None:
            scores = scores.where(self.allowed[self.group, matches], -math.inf)
        if self.home is not None and self.radius is not None:
            (source, row, column), (which, rows, columns) = self.home, self.place(matches)
            far = torch.maximum((rows - row).abs(), (columns - column).abs()) > self.radius
            scores = scores.masked_fill(far | (which != source), -math.inf)
        return scores

    def offer(self, matches: Tensor) -> None:
        """Take one match for each position where it is better."""
        self.best, self.scores = inserted(matches, self.score(matches), self.best, self.scores)

    def propagate(self, jump: int) -> None:
        """Offer each position the matches of its neighbours `jump` away, moved on by as much."""
        best = self.best.view(-1, *self.field)
        for axis in (0, 1):
            own = torch.arange(self.field[axis], device=best.device)
            for step in (jump, -jump):
                neighbour = (own + step).clamp(0, self.field[axis] - 1)
                back = (own - neighbour) * self.task.stride
                for matches in best.index_select(axis + 1, neighbour):
                    which, rows, columns = self.place(matches)
                    rows, columns = (rows + back[:, None], columns) if axis == 0 else (rows, columns + back)
                    self.offer(self.flat(which, rows, columns).flatten())

    def vary(self, reach: int) -> None:
        """Offer each position another match within `reach` of its best."""
        which, rows, columns = self.place(self.best[0])
        down, right = ((2 * reach + 1) * self.random(2, len(rows))).long() - reach
        self.offer(self.flat(which, rows + down, columns + right))

    def compare_alike(self, queries: Tensor, sources: Tensor) -> None:
        """Offer some positions the best of those allowed ones that lie on the same sides of random planes."""
        directions = self.basis.shape[0]
        mine, theirs = self.query[queries, :directions], self.source[sources, :directions]
        planes = max(0, round(math.log2(len(sources) / BLOCK)))
        ends = (self.random(2, planes + 1) * len(sources)).long()
        normals = (theirs[ends[0]] - theirs[ends[1]]).mT
        mine, theirs = mine @ normals, theirs @ normals
        middle = theirs[:: max(1, len(sources) // 1024)].median(0).values
        low, high = theirs[:, -1].aminmax()
        mine, theirs = (cells(one - middle, low - middle[-1], high - middle[-1]) for one in (mine, theirs))
        (mine, asking), (theirs, answering) = (one.sort(stable=True) for one in (mine, theirs))
        blocks = -(-len(queries) // BLOCK)
        window = min(len(sources), max(WINDOW, self.task.top_k))
        slots = torch.arange(blocks * BLOCK, device=mine.device).clamp_max(len(queries) - 1).view(blocks, BLOCK)
        asking = queries[asking[slots]]
        first = torch.searchsorted(theirs, mine[slots[:, BLOCK // 2]]) - window // 2
        first = first.clamp(0, len(sources) - window)
        answering = sources[answering]
        count = max(1, self.budget // (8 * (BLOCK + window) * (self.query.shape[1] + BLOCK)))
        for mine, begin in zip(torch.split(asking, count), torch.split(first, count), strict=True):
            theirs = answering[begin[:, None] + torch.arange(window, device=begin.device)]
            scores = self.query[mine] @ self.source[theirs].mT
            if self.task.top_k == 1:
                values, at = scores.max(-1, keepdim=True)
            else:
                values, at = scores.topk(min(self.task.top_k, window))
            places = mine.flatten()
            for rank in range(values.shape[-1]):
                matches = theirs.gather(1, at[..., rank]).flatten()
                self.best[:, places], self.scores[:, places] = inserted(
                    matches, values[..., rank].flatten(), self.best[:, places], self.scores[:, places]
                )


def main_directions(
    maps: Sequence[Tensor], lengths: Sequence[Tensor], patch: int, generator: torch.Generator
) -> Tensor:
    """Return filters (D, C, patch, patch) that keep most of the patches of maps (C, h, w), and are orthonormal.

    Found from a sample of patches by subspace iteration; the patches are divided by their lengths, if there are any.
    """
    channels, device = len(maps[0]), maps[0].device
    entries = channels * patch**2
    if entries <= DIRECTIONS:
        return torch.eye(entries, device=device).view(entries, channels, patch, patch)
    samples = []
    for index, one in enumerate(maps):
        at = torch.rand(2, SAMPLE // len(maps) + 1, generator=generator, device=device)
        rows, columns = ((at[axis] * one.shape[axis + 1]).long() for axis in (0, 1))
        wide = bordered(one[None], patch)[0]
        sample = torch.stack([wide[:, rows + d, columns + e] for d in range(patch) for e in range(patch)], 1).flatten(
            0, 1
        )
        samples.append(sample / lengths[index][rows, columns] if lengths else sample)
    columns = torch.cat(samples, 1)
    basis = torch.randn(entries, DIRECTIONS, generator=generator, device=device)
    for _ in range(3):
        # On the processor, for not every device can.
        basis = torch.linalg.qr((columns @ (columns.mT @ basis)).cpu()).Q.to(device)
    return basis.mT.reshape(DIRECTIONS, channels, patch, patch)


def cells(distances: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return keys (N) that sort patches by cells between planes, given their signed distances (N, planes + 1).

    The cells are in the order of a Gray code, so that those next to each other share all planes but one; within a
    cell the last distance, between `low` and `high`, decides.
    """
    planes = distances.shape[1] - 1
    digits = (distances[:, :-1] > 0).cumsum(1) % 2
    code = (digits << torch.arange(planes - 1, -1, -1, device=digits.device)).sum(1)
    return code + ((distances[:, -1] - low) / (high - low).clamp_min(TINY)).clamp(0, 0.999)


def inserted(matches: Tensor, values: Tensor, best: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return lists of matches (K, N) and their scores, sorted, with one more match (N) where it is good enough."""
    if len(best) > 1:
        values = values.masked_fill((best == matches).any(0), -math.inf)
    ranks, heights = [], []
    for match, score in zip(best, scores, strict=True):
        better = values > score
        ranks.append(matches.where(better, match))
        heights.append(values.where(better, score))
        matches, values = match.where(better, matches), score.where(better, values)
    return torch.stack(ranks), torch.stack(heights)


# ------------------------------------------------------------------------------------------------- what is refused


def check(
    query: Tensor,
    sources: Sequence[Tensor],
    query_guides: Tensor | None,
    source_guides: Sequence[Tensor],
    masks: Sequence[Tensor],
    top_k: int,
) -> None:
    """Refuse maps, guides and masks that do not fit each other."""
    if not sources or any(len(one) not in (1, len(query)) or one.shape[1] != query.shape[1] for one in sources):
        raise ValueError(
            f"the query is {shape(query)}, and there are these sources: {', '.join(map(shape, sources)) or 'none'}\n"
            f"  what would work: sources (1 or {len(query)}, {query.shape[1]}, h, w), with the query's channels"
        )
    if (query_guides is None) != (not source_guides):
        missing = "query_guides" if query_guides is None else "source_guides"
        raise ValueError(
            f"guides compare query with source, but {missing} are missing\n  what would work: both, or none"
        )
    pairs = (
        [("source_guides", guide, one) for guide, one in zip(source_guides, sources, strict=True)]
        if source_guides
        else []
    )
    pairs += [("source_mask", mask, one) for mask, one in zip(masks, sources, strict=True)] if masks else []
    count = 1
    if query_guides is not None:
        pairs.append(("query_guides", query_guides, query))
        count = query_guides.shape[1]
    for name, given, maps in pairs:
        depth = 1 if name == "source_mask" else count
        if given.shape[1:] != (depth, *maps.shape[-2:]) or len(given) not in (1, len(query)):
            raise ValueError(
                f"{name} are {shape(given)}, for maps {shape(maps)}\n"
                f"  what would work: (1 or {len(query)}, {depth}, {maps.shape[-2]}, {maps.shape[-1]})"
            )
    if sum(one[0, 0].numel() for one in sources) < top_k:
        raise ValueError(
            f"{top_k} matches are asked for, but the sources have no more than "
            f"{sum(one[0, 0].numel() for one in sources)} positions\n  what would work: a lower top_k"
        )


def check_start(start: NNF, batch: int, field: Size, sizes: Sequence[Size]) -> None:
    """Refuse a field to start from that belongs to other maps."""
    found = (len(start.positions), *start.positions.shape[-2:])
    if found[1:] != field or found[0] not in (1, batch) or start.source_sizes != tuple(sizes):
        raise ValueError(
            f"the start is a field of {found[1]}×{found[2]} for sources of {described(start.source_sizes)}, "
            f"but one of {field[0]}×{field[1]} is sought in sources of {described(sizes)}\n"
            "  what would work: start.upsample(size, source_size)"
        )


def described(sizes: Sequence[Size]) -> str:
    """Return sizes for a message."""
    return ", ".join(f"{height}×{width}" for height, width in sizes)


def shape(maps: Tensor) -> str:
    """Return the shape of maps for a message."""
    return str(tuple(maps.shape))
