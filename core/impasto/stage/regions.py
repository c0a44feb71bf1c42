"""Masks and regions: which part of a picture a style is for, and painting inside it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..errors import StageError
from .base import Stage
from .canvas import Canvas, Style
from .context import remember


def align_styles(canvas: Canvas) -> tuple[Style, ...]:
    """Return the styles with guides for the canvas's regions, in the canvas's order.

    Labels are matched by name; a region that a style's labels do not have is one it does not cover.
    `Style.region` becomes guides that mark one region.  A style without guides covers every region.

    Args:
        canvas: its guides (1 or B, K, H, W) say what the regions are.

    Returns:
        Styles whose guides are None or (1 or B, K, h, w); K is 1 on a canvas without guides.

    Raises:
        StageError: regions that cannot be matched; names the labels of both sides.

    Example:
        >>> import impasto, torch
        >>> content = torch.rand(1, 3, 8, 8)
        >>> canvas = impasto.Canvas(content, content, (impasto.Style(content),))
        >>> align_styles(canvas)[0].guides is None
        True
    """
    regions = None if canvas.guides is None else canvas.guides.shape[1]
    return tuple(
        remember(style, ("aligned", regions, canvas.labels), partial(_align, style, regions, canvas.labels))
        for style in canvas.styles
    )


def _align(style: Style, found: int | None, labels: tuple[str, ...]) -> Style:
    regions = 1 if found is None else found
    here = ", ".join(map(repr, labels)) or ("none" if found is None else f"{regions} without names")
    if style.region:
        if style.region not in labels:
            raise StageError(
                f"a style is for the region {style.region!r}; regions of the content: {here}\n"
                "  what to type: pipe(content, style, guides={"
                f"{style.region!r}: 'mask.png'}}), or a stage before that finds regions of this name"
            )
        part = style.image.new_ones(1, 1, *style.image.shape[-2:]) if style.guides is None else style.guides
        place = labels.index(style.region)
        guides = part.new_zeros(len(part), regions, *part.shape[-2:])
        guides[:, place : place + 1] = part
        return Style(style.image, style.weight, guides, labels)
    if style.guides is None:
        return style
    if style.labels and labels:
        there = ", ".join(map(repr, style.labels))
        shared = [label for label in labels if label in style.labels]
        if not shared:
            raise StageError(
                f"the style's regions are {there} and the content's {here}: none is on both sides\n"
                "  what would work: the same labels on both sides, or match-regions (impasto-segment),"
                " which pairs regions by their looks"
            )
        unused = [label for label in style.labels if label not in labels]
        if unused:
            warnings.warn(
                f"the style's regions {', '.join(map(repr, unused))} are not in the content ({here}) and are not used",
                stacklevel=2,
            )
        maps = dict(zip(style.labels, style.guides.unbind(1), strict=True))
        nothing = torch.zeros_like(style.guides[:, 0])
        guides = torch.stack([maps.get(label, nothing) for label in labels], dim=1)
        return Style(style.image, style.weight, guides, labels)
    if style.guides.shape[1] != regions:
        raise StageError(
            f"the style's guides name {style.guides.shape[1]} regions and the content has {here}\n"
            "  what would work: guides with the same K for both, or labels, which are matched by name"
        )
    return style


def region_maps(canvas: Canvas) -> Tensor | None:
    """Return the guides inside the mask, (1 or B, K, H, W), or the mask as the only region; None: everywhere.

    Args:
        canvas: its guides are (1 or B, K, H, W) or None, its mask (1 or B, 1, H, W) or None.

    Example:
        >>> import impasto, torch
        >>> content, mask = torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
        >>> region_maps(impasto.Canvas(content, content, mask=mask)).shape
        torch.Size([1, 1, 8, 8])
    """
    if canvas.guides is None or canvas.mask is None:
        return canvas.mask if canvas.guides is None else canvas.guides
    return canvas.guides * canvas.mask


class Guided(Protocol):
    """A style, or what a stage has made of one: with guides for the same regions as the content's (`align_styles`)."""

    @property
    def guides(self) -> Tensor | None:
        """(1 or B, K, h, w), which part of it belongs to which region; None: all of it to each."""

    @property
    def weight(self) -> float:
        """Share among several."""


@dataclass(frozen=True)
class Region:
    """A part of a picture, and the styles that cover it.

    Args:
        index: its place in the guides.
        area: (1 or B, 1, H, W), where it is; None: everywhere.
        styles: places of the styles that cover it, in their order; () where there are none at all.
        weights: of these styles.

    Example:
        >>> Region(0, None, (0, 1), (3.0, 1.0)).shares
        (0.75, 0.25)
    """

    index: int
    area: Tensor | None
    styles: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """The styles' weights divided by their sum.

        Raises:
            StageError: weights that sum to nothing.
        """
        total = sum(self.weights)
        if abs(total) < 1e-6:
            raise StageError(
                f"the weights of the styles, {', '.join(f'{weight:g}' for weight in self.weights)}, sum to {total:g}\n"
                "  what would work: weights with another sum; only their proportions count"
            )
        return tuple(weight / total for weight in self.weights)


def covers(style: Guided, region: int) -> bool:
    """Return whether a style has a part for a region.

    Args:
        style: its guides are (1 or B, K, h, w) or None.
        region: its place among the K.

    Example:
        >>> import impasto, torch
        >>> covers(impasto.Style(torch.rand(1, 3, 8, 8)), 0)
        True
    """
    return style.guides is None or bool(style.guides[:, region].any())


def covered_regions(guides: Tensor | None, styles: Sequence[Guided] = ()) -> Iterator[Region]:
    """Yield the regions that have something in them and are covered by a style; without styles, all that have.

    Args:
        guides: (1 or B, K, H, W), where each region is; None: one region, everywhere.
        styles: with guides for the same regions.

    Example:
        >>> import torch
        >>> sides = torch.zeros(1, 3, 8, 8)
        >>> sides[:, 0, :, :4] = sides[:, 2, :, 4:] = 1
        >>> left = Style(torch.rand(1, 3, 8, 8), guides=sides * torch.tensor([1, 0, 0]).view(1, 3, 1, 1))
        >>> [(region.index, region.styles) for region in covered_regions(sides, [left])]
        [(0, (0,))]
    """
    for index in range(1 if guides is None else guides.shape[1]):
        area = None if guides is None else guides[:, index : index + 1]
        if area is not None and not area.any():
            continue
        members = tuple(place for place, style in enumerate(styles) if covers(style, index))
        if members or not styles:
            yield Region(index, area, members, tuple(styles[place].weight for place in members))


def check_coverage(
    stage: Stage, guides: Tensor | None, styles: Sequence[Guided], labels: Sequence[str] = (), intended: bool = False
) -> list[bool]:
    """Return which regions are covered by a style; raise if nothing is, and warn of what is not.

    Args:
        stage: named in messages.
        guides: (1 or B, K, H, W), where each region is; None: one region, everywhere.
        styles: with guides for the same regions; none at all cover everything.
        labels: names of the regions; () numbers them.
        intended: whether what no style covers is meant to stay, which needs no warning.

    Raises:
        StageError: no style covers a region that has something in it.

    Example:
        >>> import impasto, torch
        >>> class Dim(impasto.Postprocessor, name="dim"):
        ...     '''Darken the picture.'''
        >>> check_coverage(Dim(), torch.full((1, 2, 8, 8), 0.5), [impasto.Style(torch.rand(1, 3, 8, 8))])
        [True, True]
    """
    count = 1 if guides is None else guides.shape[1]
    covered = [not styles or any(covers(style, index) for style in styles) for index in range(count)]
    present = [guides is None or bool(guides[:, index].any()) for index in range(count)]
    names = labels if len(labels) == count else [f"{index + 1} of {count}" for index in range(count)]
    uncovered = [name for name, here, own in zip(names, present, covered, strict=True) if here and not own]
    listed = ", ".join(map(repr, uncovered))
    if not any(here and own for here, own in zip(present, covered, strict=True)):
        raise StageError(
            f"{stage.name}: no style covers any region of the content ({listed})\n"
            "  what would work: a style whose guides mark one of them, or one without guides"
        )
    if uncovered and not intended:
        warnings.warn(
            f"{stage.name}: no style covers the region {listed}, which stays as it is\n"
            "  what would work: a style whose guides mark it, or one without guides",
            stacklevel=2,
        )
    return covered


Box = tuple[slice, slice]


def bounding_box(area: Tensor, margin: int, smallest: int) -> Box:
    """Return the rows and columns around where `area` (B, C, H, W) is above 0, at least `smallest` of each.

    Args:
        area: (B, C, H, W).
        margin: pixels to add on each side, where there are any.
        smallest: pixels that each side of the box has at least.

    Example:
        >>> import torch
        >>> area = torch.zeros(1, 1, 8, 8)
        >>> area[..., 2:4, 3] = 1
        >>> bounding_box(area, 1, 1)
        (slice(1, 5, None), slice(2, 5, None))
    """
    spans = []
    for dim, length in ((-2, area.shape[-2]), (-1, area.shape[-1])):
        found = (area > 0).flatten(0, 1).any(0).any(-1 if dim == -2 else -2).nonzero()
        first, last = (0, length) if not len(found) else (int(found[0]) - margin, int(found[-1]) + 1 + margin)
        lack = max(0, smallest - (last - first))
        first, last = first - lack // 2, last + lack - lack // 2
        shift = max(0, -first) - max(0, last - length)
        first, last = (first + shift, last + shift) if last - first <= length else (0, length)
        spans.append(slice(max(0, first), min(length, last)))
    return spans[0], spans[1]


def pictures_of(canvas: Canvas, pictures: Tensor) -> Canvas:
    """Return the canvas of some pictures of a batch, with their masks, guides and styles.

    Args:
        canvas: of several pictures, (B, 3, H, W).
        pictures: their numbers, (N,).

    Example:
        >>> import impasto, torch
        >>> content = torch.rand(4, 3, 8, 8)
        >>> pictures_of(impasto.Canvas(content, content), torch.tensor([0, 2])).image.shape
        torch.Size([2, 3, 8, 8])
    """

    def some(maps: Tensor | None) -> Tensor | None:
        return maps if maps is None or len(maps) == 1 else maps[pictures]

    return canvas.replace(
        content=canvas.content[pictures],
        image=canvas.image[pictures],
        styles=tuple(style.replace(image=some(style.image), guides=some(style.guides)) for style in canvas.styles),
        mask=some(canvas.mask),
        guides=some(canvas.guides),
        alpha=some(canvas.alpha),
    )


def composite(image: Tensor, painted: Tensor, mask: Tensor | None) -> Tensor:
    """Return `painted` where the mask is 1 and `image` where it is 0, to the bit; between, a mixture.

    Args:
        image: (B, 3, H, W).
        painted: (B, 3, H, W).
        mask: (1 or B, 1, H, W) in [0, 1]; None: 1 everywhere.

    Example:
        >>> import torch
        >>> image, painted = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
        >>> composite(image, painted, torch.full((1, 1, 4, 4), 0.25)).mean().item()
        0.25
    """
    # At weights of 0 and 1 `lerp` gives one of the two exactly: it begins at the nearer one.
    return painted if mask is None or painted is image else image.lerp(painted, mask)
