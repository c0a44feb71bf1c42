"""Stylizers that can do without a content."""

from __future__ import annotations

from ..errors import ParameterError, StageError
from ..functional.resizing import Size, parse_size
from .canvas import Canvas
from .parameters import param
from .stylizer import Stylizer

LARGEST = 65_536
"""Pixels of a side."""


class TextureSynthesis(Stylizer):
    """A stylizer that makes a texture of the style, as large as one likes, whose sides may fit together.

    A subclass paints at the content's size, and looks at `seamless`; the rest is done here.

    Example:
        >>> import impasto, torch
        >>> class Mean(impasto.stage.TextureSynthesis, name="mean"):
        ...     '''Paint a canvas in the mean colour of the style.'''
        ...     def stylize(self, content, styles, guides):
        ...         return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)
        >>> impasto.Pipeline(Mean(size="48x32"))(None, impasto.samples.style("wave", 64)).size
        (32, 48)
    """

    size: str = param(
        default="", help="width and height of a canvas of its own, such as 1024x768; empty: as large as the content"
    )
    seamless: bool = param(
        default=False, help="whether the sides fit together, so that the picture repeats without a seam"
    )

    def check(self) -> None:
        """Refuse a size that is none, or too small or too large for a canvas."""
        super().check()
        if not self.size:
            return
        try:
            size = parse_size(self.size)
        except ValueError as error:
            raise ParameterError(f"{self.name}: size = {error}") from None
        if min(size) < max(1, self.smallest) or max(size) > LARGEST:
            raise ParameterError(
                f"{self.name}: size = {self.size!r} does not fit\n"
                f"  what would work: sides of {max(1, self.smallest)} to {LARGEST:,} pixels"
            )

    def canvas_size(self) -> Size | None:
        """Return height and width of its canvas; None: it takes the content's."""
        return parse_size(self.size) if self.size else None

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image painted; sides that fit together are those of the whole picture."""
        if self.seamless and (canvas.mask is not None or canvas.guides is not None):
            raise StageError(
                f"{self.name}: seamless = True fits the sides of the whole picture together, and there is a mask or"
                " there are regions\n  what would work: no mask and no regions, or seamless=False"
            )
        return super().apply(canvas)
