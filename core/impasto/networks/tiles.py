"""Large pictures in tiles: the memory of a few million pixels is enough for a picture of any size.

A tile goes through the networks with its context, as far around it as their receptive fields extend, so that the
result is that of the whole picture.  Borders of the picture stay borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor, nn

PIXELS = 1 << 21
"""The most pixels of a tile and its context: Full HD in one piece.  Larger pictures are cut."""


class SmallTiles:
    """Tiles of a given side where pictures are small, as tests want them, and whether any were asked for.

    Args:
        side: of a tile in pixels, without its context; None leaves tiles as they are.
    """

    def __init__(self, side: int | None) -> None:
        self.side = side
        self.asked = False
        """Whether anything paints in tiles, be it one."""


_small: ContextVar[SmallTiles | None] = ContextVar("impasto_small_tiles", default=None)


@contextmanager
def small_tiles(side: int | None) -> Iterator[SmallTiles]:
    """Have pictures cut into small tiles inside the block, so that a test of tiles needs no large picture.

    Args:
        side: of a tile in pixels, without the context that it is given; None leaves tiles as they are outside.

    Yields:
        What says whether tiles were asked for, `asked`.

    Example:
        >>> with small_tiles(32) as tiles:
        ...     len(tile_grid((64, 96), context=8)), tiles.asked
        (6, True)
        >>> len(tile_grid((64, 96), context=8))
        1
    """
    outer = _small.get()
    tiles = SmallTiles(outer.side if side is None and outer is not None else side)
    token = _small.set(tiles)
    try:
        yield tiles
    finally:
        _small.reset(token)


class Span(NamedTuple):
    """Rows, or columns, of a tile, `start` to `stop`, and of the tile with its context, `first` to `last`.

    Example:
        >>> Span(start=64, stop=128, first=32, last=160).without_context(length=32)  # of features with a stride of 4
        slice(8, 24, None)
    """

    start: int
    stop: int
    first: int
    last: int

    def without_context(self, length: int) -> slice:
        """Return where the tile is among the `length` positions of features of tile and context."""
        stride = (self.last - self.first) // length
        return slice((self.start - self.first) // stride, (self.stop - self.first) // stride)


class Tile(NamedTuple):
    """A rectangle of a picture, and its context around it.

    Example:
        >>> import torch
        >>> span = Span(start=64, stop=128, first=32, last=160)
        >>> Tile(span, span).with_context(torch.zeros(1, 3, 256, 256)).shape
        torch.Size([1, 3, 128, 128])
    """

    rows: Span
    columns: Span

    def with_context(self, maps: Tensor) -> Tensor:
        """Return the tile and its context, cut out of maps (B, C, H, W) of the whole picture."""
        return maps[..., self.rows.first : self.rows.last, self.columns.first : self.columns.last]

    def without_context(self, maps: Tensor) -> Tensor:
        """Return the tile, cut out of maps (B, C, h, w) of tile and context; h and w may be fractions of pixels'."""
        return maps[..., self.rows.without_context(maps.shape[-2]), self.columns.without_context(maps.shape[-1])]


def tile_grid(size: Sequence[int], context: int | None, multiple: int = 1) -> list[Tile]:
    """Return tiles that cover a picture without overlap, each of at most `PIXELS` with its context.

    Args:
        size: height and width of the picture in pixels.
        context: pixels around a tile that its result depends on: see `radius_of`. None: unknown, so one tile.
        multiple: of pixels, at which tiles and contexts begin, so that pooling takes the same pixels together.

    Example:
        >>> len(tile_grid((1080, 1920), 64, 8)), len(tile_grid((4000, 6000), 64, 8))
        (1, 20)
    """
    height, width = size
    small = _small.get()
    if small is not None:
        small.asked = True
    if context is None:
        return [Tile(Span(0, height, 0, height), Span(0, width, 0, width))]
    margin = -(-context // multiple) * multiple
    forced = None if small is None else small.side
    whole = height * width <= PIXELS and forced is None
    side = forced or max(math.isqrt(PIXELS) - 2 * margin, multiple)
    rows, columns = (
        [Span(0, length, 0, length)] if whole else _spans(length, side, margin, multiple) for length in (height, width)
    )
    return [Tile(vertical, horizontal) for vertical in rows for horizontal in columns]


def _spans(length: int, side: int, margin: int, multiple: int) -> list[Span]:
    """Return spans of one length, at most `side` up to a multiple."""
    step = -(-length // -(-length // side) // multiple) * multiple
    return [
        Span(start, min(start + step, length), max(start - margin, 0), min(start + step + margin, length))
        for start in range(0, length, step)
    ]


def map_tiles(paint: Callable[[Tile], Tensor], image: Tensor, grid: Sequence[Tile]) -> Tensor:
    """Return a picture like `image`, painted tile by tile.

    Args:
        paint: returns the result for a tile and its context, (B, C, h, w).
        image: (B, C, H, W); the result has its size and type.
        grid: tiles of `image`, see `tile_grid`.

    Returns:
        (B, C, H, W).

    Example:
        >>> image = torch.rand(1, 3, 40, 60)
        >>> painted = map_tiles(lambda tile: tile.with_context(image) ** 2, image, tile_grid((40, 60), context=0))
        >>> torch.equal(painted, image ** 2)
        True
    """
    if len(grid) == 1:
        return paint(grid[0]).to(image.dtype)
    painted = torch.empty_like(image)
    for tile in grid:
        rows, columns = tile
        painted[..., rows.start : rows.stop, columns.start : columns.stop] = tile.without_context(paint(tile))
    return painted


def receptive_radius(network: nn.Module, convolutions: Sequence[str]) -> int:
    """Return the radius, in pixels, of the receptive field of some convolutions of VGG's plan, one after another.

    Args:
        network: has them as `convB_C`, whose stride in block B is 2 ** (B - 1) pixels.
        convolutions: by name, such as `3_1`.

    Example:
        >>> from impasto.networks import VGG
        >>> receptive_radius(VGG((4, 8), "2_1"), ("1_1", "1_2", "2_1"))
        4
    """
    total = 0
    for name in convolutions:
        convolution = network.get_submodule(f"conv{name}")
        assert isinstance(convolution, nn.Conv2d)
        total += max(convolution.kernel_size) // 2 << (int(name[0]) - 1)
    return total
