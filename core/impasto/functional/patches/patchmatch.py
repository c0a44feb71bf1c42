"""PatchMatch, the approximate search (Barnes et al. 2009), which compares short descriptors of patches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .extraction import TINY, padded
from .field import NNF
from .query import CACHE, Query, best_matches, unique_labels

DIRECTIONS = 64
"""Numbers in the short descriptors of patches."""
SAMPLE = 2048
"""Patches that the main directions are taken from."""
JUMPS = (4, 2, 1)
NEARBY = 4
"""Positions within which a match is varied at random where no radius is given."""
BLOCK, WINDOW = 64, 128
"""Patches of the query compared at a time, and with how many of the source."""
AS_NEAR = 1e-6
"""Difference of two distances, of rounding, up to which they count as equal."""


class PatchMatch:
    """The approximate search for one picture: matches are flat positions in the sources, one after the other."""

    def __init__(
        self,
        search: Query,
        start: NNF | None,
        index: int,
        radius: int | None,
        around: str,
        memory: int,
        generator: torch.Generator,
    ) -> None:
        self.search, self.radius, self.generator = search, radius, generator
        device = search.maps.device
        self.budget = min(memory, CACHE) if device.type == "cpu" else memory
        self.field = search.field_size
        shapes = torch.tensor([one.shape[-2:] for one in search.sources], device=device, dtype=torch.long)
        self.heights, self.widths = shapes.unbind(1)
        self.ends = shapes.prod(1).cumsum(0)
        self.firsts = self.ends - shapes.prod(1)
        self.allowed = torch.cat([one.flatten(1) for one in search.allowed], 1) if search.allowed else None
        self.group = torch.zeros(self.field, dtype=torch.long, device=device) if search.group is None else search.group
        self.group = self.group.flatten()
        self.parts = self.partition()
        self.query_descriptors, self.source_descriptors = self.descriptors()
        begun = self.random_matches()[None]
        self.begun: Tensor | None = None
        """(N), the matches of the start, where they compete with those that are found."""
        if start is not None:
            given = start.positions[index if len(start.positions) > 1 else 0]
            which = start.which if start.which is None else start.which[index if len(start.which) > 1 else 0]
            begun = torch.cat([self.flat(which, *given.unbind(1)).flatten(1), begun])
            self.begun = begun[0] if around == "match" else None
            if self.allowed is not None:
                begun = begun.where(self.allowed[self.group, begun], begun[-1])
        self.home = None if radius is None else self.place(begun[0])
        """Source, row and column that matches keep within the radius of."""
        self.best = begun[:1].repeat(search.top_k, 1)
        self.scores = torch.full(self.best.shape, -math.inf, device=device, dtype=torch.float32)
        self.scores[0] = self.score(begun[0])
        for matches in begun[1:]:
            self.offer(matches)
        if around == "match":
            self.home = None

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
        return best_matches(*self.measure(best), self.search.top_k) if self.begun is None else self.compete(best)

    def measure(self, matches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return positions (K, 2, H', W'), distances (K, H', W') and sources (K, H', W') of matches (K, N)."""
        which, rows, columns = (part.expand_as(matches).view(-1, *self.field) for part in self.place(matches))
        positions = torch.stack([rows, columns], 1)
        # Each match is measured in all sources, at its positions if it lies there, and counts in its own.
        distances = torch.stack(
            [
                torch.stack([self.search.distances(source, one) for one in positions * (which == source)[:, None]])
                for source in range(len(self.search.sources))
            ]
        )
        return positions, distances.gather(0, which[None])[0], which

    def compete(self, best: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the best of the matches found and those of the start, which stay where they are as near."""
        assert self.begun is not None
        positions, distances, which = self.measure(torch.cat([self.begun[None], best]))
        # The search compares short descriptors, which in even places cannot tell the right match from one beside it.
        handicapped = torch.cat([distances[:1], distances[1:] + AS_NEAR])
        handicapped[1:].masked_fill_((best == self.begun).view(-1, *self.field), math.inf)
        order = handicapped.sort(stable=True, dim=0).indices[: self.search.top_k]
        return (
            positions.gather(0, order[:, None].expand(-1, 2, -1, -1)),
            distances.gather(0, order),
            which.gather(0, order),
        )

    # ------------------------------------------------------------------------------------------ what is compared

    def descriptors(self) -> tuple[Tensor, Tensor]:
        """Return descriptors of the query's (N, D) and the sources' patches (M, D), whose products are the likeness."""
        search = self.search
        maps = [search.maps, *search.sources]
        if search.metric == "l2":
            centre = search.sources[0].mean((1, 2), keepdim=True)
            maps = [one - centre for one in maps]
        lengths = [search.lengths(one) for one in maps]
        self.basis = _main_directions(maps, lengths if search.metric == "ncc" else [], search.patch, self.generator)
        short = [F.conv2d(padded(one[None], search.patch), self.basis)[0] for one in maps]
        if search.metric == "ncc":
            unit = 1.0
            short = [one / length for one, length in zip(short, lengths, strict=True)]
        else:
            # As in the exact search, the square of the source's patch is one more number.
            unit = search.entries / 2
            squares = [torch.ones_like(lengths[0]), *(length.square() / -2 for length in lengths[1:])]
            short = [torch.cat([one, square[None]]) for one, square in zip(short, squares, strict=True)]
        mine, *theirs = (one.permute(1, 2, 0) for one in short)
        mine = mine[:: search.stride, :: search.stride]
        if search.query_bias is not None:
            mine = torch.cat([mine, unit * search.query_bias], -1)
            theirs = [torch.cat(pair, -1) for pair in zip(theirs, search.source_biases, strict=True)]
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
            for group in unique_labels(self.group)
        ]

    def random_matches(self) -> Tensor:
        """Return a match drawn at random for each position, among those allowed."""
        matches = torch.empty_like(self.group)
        for queries, sources in self.parts:
            matches[queries] = sources[(self.random(len(queries)) * len(sources)).long()]
        return matches

    def random(self, *shape: int) -> Tensor:
        """Return random numbers in [0, 1)."""
        return torch.rand(*shape, generator=self.generator, device=self.group.device, dtype=torch.float32)

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
        count = max(1, self.budget // (8 * self.query_descriptors.shape[1]))
        parts = zip(torch.split(self.query_descriptors, count), torch.split(matches, count), strict=True)
        scores = torch.cat([(mine * self.source_descriptors[some]).sum(1) for mine, some in parts])
        if self.allowed is not None:
            scores = scores.where(self.allowed[self.group, matches], -math.inf)
        if self.home is not None and self.radius is not None:
            (source, row, column), (which, rows, columns) = self.home, self.place(matches)
            far = torch.maximum((rows - row).abs(), (columns - column).abs()) > self.radius
            scores = scores.masked_fill(far | (which != source), -math.inf)
        return scores

    def offer(self, matches: Tensor) -> None:
        """Take one match for each position where it is better."""
        self.best, self.scores = _insert(matches, self.score(matches), self.best, self.scores)

    def propagate(self, jump: int) -> None:
        """Offer each position the matches of its neighbours `jump` away, moved on by as much."""
        best = self.best.view(-1, *self.field)
        for axis in (0, 1):
            own = torch.arange(self.field[axis], device=best.device)
            for step in (jump, -jump):
                neighbour = (own + step).clamp(0, self.field[axis] - 1)
                back = (own - neighbour) * self.search.stride
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
        mine, theirs = self.query_descriptors[queries, :directions], self.source_descriptors[sources, :directions]
        planes = max(0, round(math.log2(len(sources) / BLOCK)))
        ends = (self.random(2, planes + 1) * len(sources)).long()
        normals = (theirs[ends[0]] - theirs[ends[1]]).mT
        mine, theirs = mine @ normals, theirs @ normals
        middle = theirs[:: max(1, len(sources) // 1024)].median(0).values
        low, high = theirs[:, -1].aminmax()
        mine, theirs = (_gray_code_keys(one - middle, low - middle[-1], high - middle[-1]) for one in (mine, theirs))
        (mine, asking), (theirs, answering) = (one.sort(stable=True) for one in (mine, theirs))
        blocks = -(-len(queries) // BLOCK)
        window = min(len(sources), max(WINDOW, self.search.top_k))
        slots = torch.arange(blocks * BLOCK, device=mine.device).clamp_max(len(queries) - 1).view(blocks, BLOCK)
        asking = queries[asking[slots]]
        first = torch.searchsorted(theirs, mine[slots[:, BLOCK // 2]]) - window // 2
        first = first.clamp(0, len(sources) - window)
        answering = sources[answering]
        count = max(1, self.budget // (8 * (BLOCK + window) * (self.query_descriptors.shape[1] + BLOCK)))
        for mine, begin in zip(torch.split(asking, count), torch.split(first, count), strict=True):
            theirs = answering[begin[:, None] + torch.arange(window, device=begin.device)]
            scores = self.query_descriptors[mine] @ self.source_descriptors[theirs].mT
            if self.search.top_k == 1:
                values, at = scores.max(-1, keepdim=True)
            else:
                values, at = scores.topk(min(self.search.top_k, window))
            places = mine.flatten()
            for rank in range(values.shape[-1]):
                matches = theirs.gather(1, at[..., rank]).flatten()
                self.best[:, places], self.scores[:, places] = _insert(
                    matches, values[..., rank].flatten(), self.best[:, places], self.scores[:, places]
                )


def _main_directions(
    maps: Sequence[Tensor], lengths: Sequence[Tensor], patch: int, generator: torch.Generator
) -> Tensor:
    """Return filters (D, C, patch, patch) that keep most of the patches of maps (C, h, w), and are orthonormal.

    Found from a sample of patches by subspace iteration; the patches are divided by their lengths, if there are any.
    """
    channels, device = len(maps[0]), maps[0].device
    entries = channels * patch**2
    if entries <= DIRECTIONS:
        return torch.eye(entries, device=device, dtype=torch.float32).view(entries, channels, patch, patch)
    samples = []
    for index, one in enumerate(maps):
        at = torch.rand(2, SAMPLE // len(maps) + 1, generator=generator, device=device, dtype=torch.float32)
        rows, columns = ((at[axis] * one.shape[axis + 1]).long() for axis in (0, 1))
        wide = padded(one[None], patch)[0]
        sample = torch.stack([wide[:, rows + d, columns + e] for d in range(patch) for e in range(patch)], 1).flatten(
            0, 1
        )
        samples.append(sample / lengths[index][rows, columns] if lengths else sample)
    columns = torch.cat(samples, 1)
    basis = torch.randn(entries, DIRECTIONS, generator=generator, device=device, dtype=torch.float32)
    for _ in range(3):
        # On the CPU, for not every device can.
        basis = torch.linalg.qr((columns @ (columns.mT @ basis)).cpu()).Q.to(device)
    return basis.mT.reshape(DIRECTIONS, channels, patch, patch)


def _gray_code_keys(distances: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return keys (N) that sort patches by cells between planes, given their signed distances (N, planes + 1).

    The cells are in the order of a Gray code, so that those next to each other share all planes but one; within a
    cell the last distance, between `low` and `high`, decides.
    """
    planes = distances.shape[1] - 1
    digits = (distances[:, :-1] > 0).cumsum(1) % 2
    code = (digits << torch.arange(planes - 1, -1, -1, device=digits.device)).sum(1)
    return code + ((distances[:, -1] - low) / (high - low).clamp_min(TINY)).clamp(0, 0.999)


def _insert(matches: Tensor, values: Tensor, best: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
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
