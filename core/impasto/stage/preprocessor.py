"""Stages that prepare the canvas."""

from __future__ import annotations

from ..errors import StageError
from .base import Stage, check_result, missing_method
from .canvas import Canvas
from .memory import check_memory_of


class Preprocessor(Stage):
    """A stage that prepares the canvas; the only kind that may set styles, mask and guides.

    Example:
        >>> import impasto
        >>> class Grey(impasto.Preprocessor, name="grey"):
        ...     '''Take the colours out of the content.'''
        ...     prepares = ("image",)
        ...     def prepare(self, canvas):
        ...         return canvas.replace(image=canvas.image.mean(1, keepdim=True).expand_as(canvas.image))
        >>> impasto.Pipeline(Grey())(impasto.samples.content("cat", 64)).size
        (43, 64)
    """

    kind = "preprocessor"

    @property
    def prepares(self) -> tuple[str, ...]:
        """Parts of the canvas that it may change, of "image", "styles", "mask" and "guides", with these parameters.

        A run says so where a stage prepares what no later one uses.  A class sets it: `prepares = ("mask",)`.
        """
        return PARTS

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return a new canvas."""
        raise missing_method(self, self.prepare)

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the prepared canvas, checked."""
        check_memory_of(self, canvas.image)
        prepared = self.prepare(canvas)
        if not isinstance(prepared, Canvas):
            raise StageError(
                f"{self.name}: prepare() gave back {type(prepared).__name__}, not a canvas\n"
                "  what would work: return canvas.replace(...)"
            )
        image = check_result(self, prepared.image, prepared.content)
        changed = [part for part in PARTS if part not in self.prepares and _differs(canvas, prepared, part)]
        if changed:
            raise StageError(
                f"{self.name}: changes {' and '.join(changed)}, and says that it prepares"
                f" {', '.join(self.prepares) or 'nothing'}\n  what to type: prepares = {(*self.prepares, *changed)!r}"
            )
        return prepared if image is prepared.image else prepared.replace(image=image)


PARTS = ("image", "styles", "mask", "guides")
"""Of the canvas, that a preprocessor may change."""


def _differs(one: Canvas, other: Canvas, part: str) -> bool:
    if part != "styles":
        return getattr(one, part) is not getattr(other, part)
    return len(one.styles) != len(other.styles) or any(
        style.image is not now.image or style.guides is not now.guides
        for style, now in zip(one.styles, other.styles, strict=True)
    )
