"""Resizing for Impasto: paint small and bring the picture back to its size; pad it to whole tiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

import impasto
from impasto import Canvas, ParameterError, Postprocessor, Preprocessor, param
from impasto.functional import resample, resample_maps, resize, upsample_guided
from impasto.functional.resizing import Size, size_of
from impasto.stage import Box, SizeChange, change_size, check_mask, check_result

__all__ = ["Pad", "Resize", "RestoreSize", "UpscaleGuided", "resample", "upsample_guided"]

# ------------------------------------------------------------------------------------------------- functions


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


def changed_size(
    canvas: Canvas,
    picture: Callable[[Tensor], Tensor],
    maps: Callable[[Tensor], Tensor],
    styles: bool,
    box: Box | None = None,
) -> Canvas:
    """Return the canvas with its size changed (`impasto.stage.change_size`), and with what undoing that needs."""
    change = change_size(canvas, picture, maps, styles=styles, box=box)
    return change.after.replace(memo={**change.after.memo, CHANGE: change})


def last_change(canvas: Canvas) -> SizeChange | None:
    """Return what last changed the canvas's size in this run; None if nothing did."""
    change = canvas.memo.get(CHANGE)
    return change if isinstance(change, SizeChange) and change.led_to(canvas) else None


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
        return changed_size(
            canvas,
            lambda image: resize(image, self.fitted_size(image)),
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
        return changed_size(canvas, self._pad, self._pad, self.styles, box)


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
        memo = {key: value for key, value in canvas.memo.items() if key != CHANGE}
        if CHANGE in change.before.memo:
            memo[CHANGE] = change.before.memo[CHANGE]
        return change.undo(canvas.replace(memo=memo), self._enlarged)

    def _enlarged(self, painted: Tensor, content: Tensor) -> Tensor:
        return check_result(self, self.enlarge(painted, content), content)


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
