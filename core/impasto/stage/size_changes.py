"""Changes of a canvas's size that are undone later: paint small, bring the picture back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ..functional.resizing import resample_maps, size_of
from .canvas import Canvas
from .regions import composite

Box: TypeAlias = tuple[slice, slice]
"""Rows and columns."""
FAINT = 1e-3
"""Below this much of the mask nothing can be seen of the paint, and rounding would be magnified."""


@dataclass(frozen=True, eq=False)
class SizeChange:
    """A canvas before and after its size was changed.

    Args:
        before: the canvas as it was.
        after: as it was made of that.
        box: rows and columns of `after` in which `before` lies; None if it was resized.

    Example:
        >>> import impasto, torch
        >>> content = torch.rand(1, 3, 40, 60)
        >>> canvas = impasto.Canvas(content, content)
        >>> part = (slice(0, 20), slice(0, 60))
        >>> change = SizeChange(canvas.replace(content=content[:, :, :20], image=content[:, :, :20]), canvas, part)
        >>> change.undo(canvas, lambda painted, content: painted).image.shape
        torch.Size([1, 3, 20, 60])
    """

    before: Canvas
    after: Canvas
    box: Box | None = None

    def led_to(self, canvas: Canvas) -> bool:
        """Return whether a canvas still has the content that this change made."""
        return _same_maps(canvas.content, self.after.content)

    def undo(self, canvas: Canvas, enlarge: Callable[[Tensor, Tensor], Tensor]) -> Canvas:
        """Return a canvas, painted since, in its former size, with its former content, mask and guides.

        What was not painted has its former bits.

        Args:
            canvas: of the size of `after`.
            enlarge: makes of a painted picture (B, 3, h, w) one of the size of the content (B, 3, H, W), in [0, 1].
        """
        before, after, box = self.before, self.after, self.box

        def back(now: Tensor | None, then: Tensor | None, former: Tensor | None) -> Tensor | None:
            # A former map is sharper than an enlarged one, but a stage may have set another since.
            if _same_maps(now, then):
                return former
            if now is None:
                return None
            return resample_maps(now, size_of(before.content)) if box is None else _crop(now, box)

        mask = back(canvas.mask, after.mask, before.mask)
        image = self._enlarged(canvas, mask, enlarge) if box is None else _crop(canvas.image, box)
        guides = back(canvas.guides, after.guides, before.guides)
        alpha = back(canvas.alpha, after.alpha, before.alpha)
        return canvas.replace(content=before.content, image=image, mask=mask, guides=guides, alpha=alpha)

    def _enlarged(self, canvas: Canvas, mask: Tensor | None, enlarge: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the image in its former size, with its former bits outside the mask and where it was not painted."""
        before, after, image = self.before, self.after, canvas.image
        if image.shape == before.image.shape:
            return image
        painted = image
        if canvas.mask is not None:
            # Where the mask is grey the image is a mixture; unmixed, it can be mixed again by the former mask.
            painted = (after.image + (image - after.image) / canvas.mask.clamp_min(FAINT)).clamp(0, 1)
        large = enlarge(painted, before.content)
        touched = resample_maps((image != after.image).any(1, keepdim=True).float(), size_of(large)) > 0
        return composite(before.image, torch.where(touched, large, before.image), mask)


def change_size(
    canvas: Canvas,
    picture: Callable[[Tensor], Tensor],
    maps: Callable[[Tensor], Tensor],
    *,
    styles: bool = False,
    box: Box | None = None,
) -> SizeChange:
    """Return the change of a canvas's pictures and maps to another size.

    Args:
        canvas: to change.
        picture: takes a picture (B, 3, H, W) of any size to another size.
        maps: does so with a mask or guides.
        styles: whether styles are changed too.
        box: rows and columns in which the former picture lies; None if it is resized.

    Example:
        >>> import impasto, torch
        >>> from impasto.functional import resample_maps, resize
        >>> content = torch.rand(1, 3, 40, 60)
        >>> canvas = impasto.Canvas(content, content)
        >>> size = (20, 30)
        >>> change = change_size(canvas, lambda image: resize(image, size), lambda maps: resample_maps(maps, size))
        >>> change.undo(change.after, lambda painted, content: resize(painted, (40, 60))).image.equal(content)
        True
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
    return SizeChange(canvas, after, box)


def _same_maps(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether two maps or pictures, or the lack of them, are the same."""
    if one is None or other is None or one is other:
        return one is other
    return one.shape == other.shape and one.device == other.device and torch.equal(one, other)


def _crop(values: Tensor, box: Box) -> Tensor:
    """Return the rows and columns of a box."""
    return values[..., box[0], box[1]].contiguous()
