"""Nearest-neighbour fields: where the nearest patches lie, and what is painted from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..resizing import Size
from .extraction import TINY, Maps, values_at


@dataclass(frozen=True, eq=False)
class NNF:
    """A nearest-neighbour field: for each position of a query the position of a source with the nearest patch.

    Example:
        >>> import torch
        >>> features = torch.rand(1, 8, 12, 10)
        >>> from impasto.functional.patches import nearest
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
            scale = torch.tensor([new / old for new, old in lengths], device=device, dtype=torch.float32)[source]
            last = torch.tensor([new - 1 for new, _ in lengths], device=device, dtype=torch.long)[source]
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
                f"vote: patches {self.stride} positions apart cannot vote for every position\n"
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
                middles = (..., _overlap(-down, height), _overlap(-right, width))
                reached = (..., _overlap(down, height), _overlap(right, width))
                total[reached] += counted[middles] * self._values(source, down, right)[middles]
                count[reached] += counted[middles]
        return total / count.clamp_min(torch.finfo(count.dtype).tiny)

    def _values(self, source: Maps, down: int, right: int) -> Tensor:
        """Return the source's values so far from the best positions."""
        rows, columns = self.positions[:, 0, 0] + down, self.positions[:, 0, 1] + right
        if isinstance(source, Tensor):
            return values_at(source, rows, columns)
        values = torch.stack([values_at(maps, rows, columns) for maps in source])
        assert self.which is not None
        return values.gather(0, self.which[None, :, :1].expand(1, *values.shape[1:]))[0]

    def consistency(self, back: NNF) -> Tensor:
        """Return how far from itself, in positions, each position arrives after there and back, (B, 1, H, W).

        Args:
            back: the field from the source to the query.
        """
        rows, columns = self.positions[:, 0].unbind(1)
        arrived = values_at(back.positions[:, 0], rows, columns)
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
        where = self.positions[:, 0] / torch.tensor(self.source_size, device=device, dtype=torch.long)[:, None, None]
        own = self._own() / (
            self.stride * torch.tensor(self.positions.shape[-2:], device=device, dtype=torch.long)[:, None, None]
        )
        down, right = torch.split(where - own, 1, dim=1)
        length = torch.hypot(down, right)
        saturation = length / length.amax((1, 2, 3), keepdim=True).clamp_min(TINY)
        sixth = (
            torch.atan2(down, right) * (3 / math.pi)
            + torch.tensor([5.0, 3.0, 1.0], device=device, dtype=torch.float32)[:, None, None]
        )
        sixth = sixth % 6
        return 1 - saturation * torch.minimum(sixth, 4 - sixth).clamp(0, 1)

    def _own(self) -> Tensor:
        """Return the positions themselves, (2, H, W)."""
        height, width = self.positions.shape[-2:]
        return grid(height, width, self.positions.device) * self.stride


def _overlap(shift: int, length: int) -> slice:
    """Return which of so many positions have, `shift` before them, another one."""
    return slice(max(0, shift), length + min(0, shift))


def grid(height: int, width: int, device: torch.device) -> Tensor:
    """Return the row and column of each position, (2, H, W).

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        device: of the result.

    Example:
        >>> import torch
        >>> grid(2, 3, torch.device("cpu"))[:, 1, 2].tolist()
        [1, 2]
    """
    axes = (torch.arange(length, device=device) for length in (height, width))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))
