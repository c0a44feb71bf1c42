"""What of a batch is optimised by itself: each region of each picture, with what lies around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from impasto import Style
from impasto.functional.batches import batch_item
from impasto.functional.resizing import Size
from impasto.stage import bounding_box, covered_regions, style_of_picture

SURROUNDINGS = 0.25
"""How much a position outside a region counts in its statistics, one inside counting 1."""


class Piece(NamedTuple):
    """What is painted by itself: a region of one picture, and as much around it as counts."""

    picture: int
    rows: slice
    columns: slice
    region: Tensor | None
    styles: list[Style]

    def crop(self, images: Tensor) -> Tensor:
        """Return this piece (1, C, h, w) of pictures (B, C, H, W); a view, so that changes reach them."""
        return images[self.picture : self.picture + 1, :, self.rows, self.columns]

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def region_pieces(
    content: Tensor, styles: Sequence[Style], guides: Tensor | None, context: int, smallest: int
) -> list[Piece]:
    """Return the pieces that a batch is painted in: its pictures, or their regions.

    Each region by itself: where two regions with different styles are optimised together, either makes up
    for what the other puts into its surroundings, and the border is dotted with garish colours.

    Args:
        content: (B, 3, H, W).
        styles: their guides have the same K as `guides`.
        guides: (1 or B, K, H, W), or None for one piece a picture.
        context: pixels to take in around a region.
        smallest: pixels that a side of a piece has at least.
    """
    pieces = []
    for index in range(len(content)):
        own = [style_of_picture(style, index) for style in styles]
        if guides is None:
            pieces.append(Piece(index, slice(0, content.shape[-2]), slice(0, content.shape[-1]), None, own))
            continue
        for region in covered_regions(batch_item(guides, index), own):
            assert region.area is not None
            rows, columns = bounding_box(region.area, context, smallest)
            covering = [part_of(own[place], region.index) for place in region.styles]
            pieces.append(Piece(index, rows, columns, region.area[..., rows, columns], covering))
    return pieces


def part_of(style: Style, region: int) -> Style:
    """Return a style with the map of one region as its only guide."""
    if style.guides is None:
        return style
    return Style(style.image, style.weight, style.guides[:, region : region + 1])


def composite_pieces(content: Tensor, pieces: Sequence[Piece], painted: Sequence[Tensor]) -> Tensor:
    """Return pictures (B, 3, H, W) made of the pieces painted so far, each counting where its region is."""
    total, share = torch.zeros_like(content), torch.zeros_like(content[:, :1])
    for piece, image in zip(pieces, painted, strict=False):
        region = torch.ones_like(image[:, :1]) if piece.region is None else piece.region
        piece.crop(total).add_(image * region)
        piece.crop(share).add_(region)
    return torch.where(share > 0, total / share.clamp_min(torch.finfo(share.dtype).tiny), content)


def with_surroundings(region: Tensor | None, styles: Sequence[Style]) -> tuple[Tensor | None, list[Style]]:
    """Return guides and styles for a region and its surroundings, which are painted too though nobody will see them.

    A network looks far across the border of a region.  If it saw a photograph there, the optimiser would make
    up for it inside, with garish dots; so it sees a painting.  A small region seldom has a place for everything
    that a style has, and forcing it all in gives the same dots; so that painting counts a little as well.

    Args:
        region: (1, 1, H, W), or None for everywhere.
        styles: their guides have one map.

    Returns:
        Guides (1, 2, H, W) that sum to 1, and styles with guides to match.
    """
    if region is None:
        return None, list(styles)
    rest = 1 - region
    both = [
        style if style.guides is None else Style(style.image, style.weight, style.guides.expand(-1, 2, -1, -1))
        for style in styles
    ]
    return torch.cat([region + SURROUNDINGS * rest, (1 - SURROUNDINGS) * rest], dim=1), both
