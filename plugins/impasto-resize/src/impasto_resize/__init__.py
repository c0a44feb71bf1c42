"""Resizing for Impasto: paint small and bring the picture back to its size; pad it to whole tiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Canvas, ParameterError, Postprocessor, Preprocessor, param
from impasto.functional.color import luma
from impasto.functional.filters import guided_filter
from impasto.functional.resizing import Size, resample, size_of
from impasto.stage import check_mask, check_result, composite

__all__ = ["Pad", "Resize", "RestoreSize", "UpscaleGuided", "resample", "upsample_guided"]

Box = tuple[slice, slice]


# ------------------------------------------------------------------------------------------------- functions


def resample_maps(maps: Tensor, size: Size) -> Tensor:
    """Return masks or guides at another size: bilinear, which keeps them in [0, 1] and their sum at 1."""
    if size_of(maps) == size:
        return maps
    return F.interpolate(maps, size, mode="bilinear", antialias=True).clamp(0, 1)


def upsample_guided(
    painted: Tensor, content: Tensor, *, radius: int = 2, eps: float = 1e-3, texture: float = 1.0, detail: float = 0.5
) -> Tensor:
    """Enlarge a painted picture to the size of its content, with edges where the content has them.

    The fast guided filter (He and Sun 2015), to which what it loses of the painting is added back by one
    step of back-projection (Irani and Peleg 1991).

    Args:
        painted: (B, 3, h, w) in [0, 1].
        content: (B, 3, H, W) in [0, 1], what was painted, in full size.
        radius: of the filter's window, in pixels of `painted`.
        eps: variance of the content below which a window counts as smooth.
        texture: share of what the filter takes for texture of the painting that is kept, 0 to 1.
        detail: share of the content's brightness detail, finer than `painted` can show, that is added.

    Returns:
        (B, 3, H, W), not clipped.

    Example:
        >>> import torch
        >>> upsample_guided(torch.rand(1, 3, 10, 15), torch.rand(1, 3, 40, 60)).shape
        torch.Size([1, 3, 40, 60])
    """
    small, size = size_of(painted), size_of(content)
    factor = max(1.0, size[0] / small[0], size[1] / small[1])
    enlarged = guided_filter(resample(painted, size), content, round(radius * factor), eps, round(factor))
    if detail:
        brightness = luma(content)
        enlarged = enlarged + detail * (brightness - resample(resample(brightness, small), size))
    if texture:
        enlarged = enlarged + texture * resample(painted - resample(enlarged, small), size)
    return enlarged


def tiled_length(length: int, tile: int, overlap: int) -> int:
    """Return the least length, `length` or more, that whole tiles cover which overlap their neighbours.

    Example:
        >>> tiled_length(100, 32, 0), tiled_length(100, 32, 8)
        (128, 104)
    """
    step = tile - overlap
    return overlap + step * max(1, -(-(length - overlap) // step))


def source_indices(length: int, first: int, last: int, mode: str) -> Tensor:
    """Return which pixel stands at each place from `first` up to `last`, for places outside 0 … length - 1 too.

    `F.pad` refuses to reflect by more than the picture's length; this goes back and forth.

    Example:
        >>> source_indices(3, -3, 5, "reflect").tolist()
        [1, 2, 1, 0, 1, 2, 1, 0]
    """
    place = torch.arange(first, last, device="cpu")
    if mode == "replicate" or length == 1:
        return place.clamp(0, length - 1)
    period = 2 * (length - 1)
    place = place.remainder(period)
    return torch.minimum(place, period - place)


# ------------------------------------------------------------------------------------------ changes of size

CHANGE = "resized"
"""The key in `Canvas.memo` under which the last change of size is kept."""


@dataclass(frozen=True, eq=False)
class SizeChange:
    """A canvas before and after a stage changed its size.  Earlier changes are in the memo of `before`."""

    before: Canvas
    after: Canvas
    box: Box | None
    """Rows and columns of `after` in which `before` lies; None if it was resized."""


def change_size(
    canvas: Canvas,
    picture: Callable[[Tensor], Tensor],
    maps: Callable[[Tensor], Tensor],
    styles: bool,
    box: Box | None = None,
) -> Canvas:
    """Return the canvas with its pictures and its maps changed in size, and with what undoing that needs.

    Args:
        canvas: to change.
        picture: takes a picture (B, 3, H, W) of any size to another size.
        maps: does so with a mask or guides.
        styles: whether styles are changed too.
        box: rows and columns in which the former picture lies; None if it is resized.
    """

    def optional(values: Tensor | None) -> Tensor | None:
        return None if values is None else maps(values)

    content = picture(canvas.content)
    after = canvas.replace(
        content=content,
        image=content if canvas.image is canvas.content else picture(canvas.image),
        mask=optional(canvas.mask),
        guides=optional(canvas.guides),
        alpha=optional(canvas.alpha),
        styles=tuple(
            style.replace(image=picture(style.image), guides=optional(style.guides)) if styles else style
            for style in canvas.styles
        ),
    )
    return after.replace(memo={**after.memo, CHANGE: SizeChange(canvas, after, box)})


def same_maps(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether two maps or pictures, or the lack of them, are the same."""
    if one is None or other is None or one is other:
        return one is other
    return one.shape == other.shape and one.device == other.device and torch.equal(one, other)


def crop(values: Tensor, box: Box) -> Tensor:
    """Return the rows and columns of a box."""
    return values[..., box[0], box[1]].contiguous()


def last_change(canvas: Canvas) -> SizeChange | None:
    """Return what last changed the canvas's size in this run; None if nothing did."""
    change = canvas.memo.get(CHANGE)
    return change if isinstance(change, SizeChange) and same_maps(canvas.content, change.after.content) else None


# ---------------------------------------------------------------------------------------------------- stages


class Resize(Preprocessor, name="resize"):
    """Shrink content, mask and guides to a size that the method paints well; `restore-size` goes back."""

    style = "ignored"

    size: int = param(default=512, low=1, high=16384, help="length of the side in pixels; the other follows")
    side: str = param(default="long", choices=("long", "short"), help="which side gets that length")
    enlarge: bool = param(default=False, help="enlarge smaller pictures too; otherwise they stay as they are")
    styles: bool = param(default=False, help="treat the styles likewise")

    def fitted_size(self, image: Tensor) -> Size:
        """Return the height and width that a picture or map (B, C, H, W) gets."""
        height, width = size_of(image)
        scale = self.size / (max if self.side == "long" else min)(height, width)
        if scale > 1 and not self.enlarge:
            return height, width
        return max(1, round(height * scale)), max(1, round(width * scale))

    @property
    def prepares(self) -> tuple[str, ...]:
        """The parts of the canvas that it changes."""
        return ("image", "mask", "guides", *(("styles",) if self.styles else ()))

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with everything on it resized."""
        return change_size(
            canvas,
            lambda image: resample(image, self.fitted_size(image)).clamp(0, 1),
            lambda maps: resample_maps(maps, self.fitted_size(maps)),
            self.styles,
        )


class Pad(Preprocessor, name="pad"):
    """Pad content, mask and guides on all sides until whole tiles cover them; `restore-size` crops back."""

    style = "ignored"

    tile: int = param(default=32, low=1, high=16384, help="side of a tile in pixels: without overlap, a multiple")
    overlap: int = param(default=0, low=0, high=16383, help="pixels that neighbouring tiles share; less than a tile")
    border: int = param(default=0, low=0, high=4096, help="pixels added on every side at least")
    mode: str = param(
        default="reflect", choices=("reflect", "replicate"), help="mirror the picture, or repeat its outermost pixels"
    )
    styles: bool = param(default=False, help="pad the styles likewise")

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if self.overlap >= self.tile:
            raise ParameterError(
                f"pad: tiles of {self.tile} pixels cannot share {self.overlap}\n"
                f"  what would work: overlap={self.tile // 4}, or larger tiles"
            )

    def _spans(self, image: Tensor) -> tuple[range, range]:
        """Return the rows and columns of the padded picture, counted in the given one."""
        spans = []
        for length in size_of(image):
            padded = tiled_length(length + 2 * self.border, self.tile, self.overlap)
            first = -((padded - length) // 2)
            spans.append(range(first, first + padded))
        return spans[0], spans[1]

    def _pad(self, maps: Tensor) -> Tensor:
        for dim, span in zip((-2, -1), self._spans(maps), strict=True):
            if len(span) > maps.shape[dim]:
                index = source_indices(maps.shape[dim], span.start, span.stop, self.mode)
                maps = maps.index_select(dim, index.to(maps.device))
        return maps

    @property
    def prepares(self) -> tuple[str, ...]:
        """The parts of the canvas that it changes."""
        return ("image", "mask", "guides", *(("styles",) if self.styles else ()))

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with everything on it padded."""
        (height, width), (rows, columns) = size_of(canvas.content), self._spans(canvas.content)
        box = slice(-rows.start, height - rows.start), slice(-columns.start, width - columns.start)
        return change_size(canvas, self._pad, self._pad, self.styles, box)


class RestoreSize(Postprocessor, name="restore-size"):
    """Bring the picture back to the size it had before `resize` and `pad`; what was not painted keeps its bits."""

    style = "ignored"

    finishes: ClassVar[bool] = True

    def enlarge(self, painted: Tensor, content: Tensor) -> Tensor:
        """Return the painted picture (B, 3, h, w) in the size of the content (B, 3, H, W), not clipped."""
        return resample(painted, size_of(content))

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas in its former size, with its former content, mask and guides."""
        check_mask(self, canvas)
        change = last_change(canvas)
        if change is None:
            warnings.warn(
                f"{self.name}: there is nothing to restore, since no stage before it resized or padded this content;"
                f" the picture stays as it is\n  what to type: resize, (stages that paint), {self.name}",
                stacklevel=2,
            )
        while change is not None:
            canvas = self._undo(canvas, change)
            change = last_change(canvas)
        return canvas

    def _undo(self, canvas: Canvas, change: SizeChange) -> Canvas:
        before, after, box = change.before, change.after, change.box

        def back(now: Tensor | None, then: Tensor | None, former: Tensor | None) -> Tensor | None:
            # A former map is sharper than an enlarged one, but a stage may have set another since.
            if same_maps(now, then):
                return former
            if now is None:
                return None
            return resample_maps(now, size_of(before.content)) if box is None else crop(now, box)

        mask = back(canvas.mask, after.mask, before.mask)
        image = self._restore_image(canvas, change, mask) if box is None else crop(canvas.image, box)
        memo = {key: value for key, value in canvas.memo.items() if key != CHANGE}
        if CHANGE in before.memo:
            memo[CHANGE] = before.memo[CHANGE]
        guides = back(canvas.guides, after.guides, before.guides)
        alpha = back(canvas.alpha, after.alpha, before.alpha)
        return canvas.replace(content=before.content, image=image, mask=mask, guides=guides, alpha=alpha, memo=memo)

    def _restore_image(self, canvas: Canvas, change: SizeChange, mask: Tensor | None) -> Tensor:
        """Return the image in its former size, with its former bits outside the mask and where it was not painted."""
        before, after, image = change.before, change.after, canvas.image
        if image.shape == before.image.shape:
            return image
        painted = image
        if canvas.mask is not None:
            # Where the mask is grey the image is a mixture; unmixed, it can be mixed again by the former mask.
            painted = (after.image + (image - after.image) / canvas.mask.clamp_min(FAINT)).clamp(0, 1)
        large = check_result(self, self.enlarge(painted, before.content), before.content)
        touched = resample_maps((image != after.image).any(1, keepdim=True).float(), size_of(large)) > 0
        large = torch.where(touched, large, before.image)
        return composite(before.image, large, mask)


FAINT = 1e-3
"""Below this much of the mask nothing can be seen of the paint, and rounding would be magnified."""


class UpscaleGuided(RestoreSize, name="upscale-guided"):
    """Bring the picture back to its former size with the content's edges and detail (He and Sun 2015)."""

    radius: int = param(default=2, low=1, high=100, help="reach of the filter to each side, in pixels as painted")
    eps: float = param(
        default=1e-3,
        low=1e-6,
        high=10,
        help="variance of the content (values in [0, 1]) below which it counts as smooth; less follows fainter edges",
    )
    texture: float = param(
        default=1.0, low=0, high=1, help="share of the brushwork kept that the content does not show"
    )
    detail: float = param(
        default=0.5,
        low=0,
        high=2,
        help="share of the content's fine brightness detail added, which was too small to paint",
    )

    def enlarge(self, painted: Tensor, content: Tensor) -> Tensor:
        """Return the painted picture (B, 3, h, w) in the size of the content (B, 3, H, W), not clipped."""
        return upsample_guided(painted, content, **self.values())


@impasto.hookimpl
def impasto_preprocessors() -> list[type[Preprocessor]]:
    """Offer `resize` and `pad`."""
    return [Resize, Pad]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `restore-size` and `upscale-guided`."""
    return [RestoreSize, UpscaleGuided]
