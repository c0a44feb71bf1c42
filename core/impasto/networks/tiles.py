"""Large pictures in tiles: the memory of a few million pixels is enough for any number.

A tile is looked at together with its context, as far around it as the networks see, so that what they make of it is
what they would make of it in the whole picture.  Borders of the picture stay borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

PIXELS = 1 << 21
"""The most pixels looked at together: Full HD in one piece.  Larger pictures are cut."""


class Span(NamedTuple):
    """Rows, or columns: those painted, `start` to `stop`, and those looked at for it, `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int

    def inside(self, length: int) -> slice:
        """Return where the painted ones are among `length` positions that were looked at."""
        stride = (self.last - self.first) // length
        return slice((self.start - self.first) // stride, (self.stop - self.first) // stride)


class Tile(NamedTuple):
    """A part of a picture and its context."""

    rows: Span
    columns: Span

    def around(self, maps: Tensor) -> Tensor:
        """Return the tile with its context, cut out of maps (B, C, H, W) over the picture."""
        return maps[..., self.rows.first : self.rows.last, self.columns.first : self.columns.last]

    def inside(self, maps: Tensor) -> Tensor:
        """Return the tile alone, cut out of what was made of it with its context: (B, C, h, w), h a fraction of H."""
        return maps[..., self.rows.inside(maps.shape[-2]), self.columns.inside(maps.shape[-1])]


def cut(size: Sequence[int], context: int, multiple: int = 1) -> list[Tile]:
    """Return tiles that cover a picture without overlap, each of at most `PIXELS` with its context.

    Args:
        size: height and width of the picture.
        context: pixels around a tile that what is painted in it depends on: see `reach`.
        multiple: of positions at which tiles and contexts begin, so that pooling meets the same pixels.

    Example:
        >>> len(cut((1080, 1920), 64, 8)), len(cut((4000, 6000), 64, 8))
        (1, 20)
    """
    height, width = size
    margin = -(-context // multiple) * multiple
    side = max(math.isqrt(PIXELS) - 2 * margin, multiple)
    rows, columns = (
        [Span(0, length, 0, length)] if height * width <= PIXELS else _spans(length, side, margin, multiple)
        for length in (height, width)
    )
    return [Tile(vertical, horizontal) for vertical in rows for horizontal in columns]


def _spans(length: int, side: int, margin: int, multiple: int) -> list[Span]:
    """Return spans of one length, at most `side` up to a multiple."""
    step = -(-length // -(-length // side) // multiple) * multiple
    return [
        Span(start, min(start + step, length), max(start - margin, 0), min(start + step + margin, length))
        for start in range(0, length, step)
    ]


def mapped(paint: Callable[[Tile], Tensor], image: Tensor, cuts: Sequence[Tile]) -> Tensor:
    """Return a picture like `image`, painted tile by tile.

    Args:
        paint: gives what is painted of a tile with its context, (B, C, h, w).
        image: (B, C, H, W); what is painted has its size and type.
        cuts: tiles of `image`, see `cut`.

    Example:
        >>> image = torch.rand(1, 3, 40, 60)
        >>> painted = mapped(lambda tile: tile.around(image) ** 2, image, cut((40, 60), context=0))
        >>> torch.equal(painted, image ** 2)
        True
    """
    if len(cuts) == 1:
        return paint(cuts[0]).to(image.dtype)
    painted = torch.empty_like(image)
    for tile in cuts:
        rows, columns = tile
        painted[..., rows.start : rows.stop, columns.start : columns.stop] = tile.inside(paint(tile))
    return painted


def reach(network: nn.Module, convolutions: Sequence[str]) -> int:
    """Return how many pixels beyond a position the convolutions of VGG's plan see, together.

    Args:
        network: has them as `convB_C`, which in block B step over 2 ** (B - 1) pixels.
        convolutions: by name, such as `3_1`.

    Example:
        >>> from impasto.networks import VGG
        >>> reach(VGG((4, 8), "2_1"), ("1_1", "1_2", "2_1"))
        4
    """
    total = 0
    for name in convolutions:
        convolution = network.get_submodule(f"conv{name}")
        assert isinstance(convolution, nn.Conv2d)
        total += max(convolution.kernel_size) // 2 << (int(name[0]) - 1)
    return total
