"""Stages that prepare the canvas."""

from __future__ import annotations

from ..errors import StageError
from .base import Stage, check_result, missing_method
from .canvas import Canvas


class Preprocessor(Stage):
    """A stage that prepares the canvas; the only kind that may set styles, mask and guides."""

    kind = "preprocessor"

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return a new canvas."""
        raise missing_method(self, self.prepare)

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the prepared canvas, checked."""
        prepared = self.prepare(canvas)
        if not isinstance(prepared, Canvas):
            raise StageError(
                f"{self.name}: prepare() gave back {type(prepared).__name__}, not a canvas\n"
                "  what would work: return canvas.replace(...)"
            )
        check_result(self, prepared.image, prepared.content)
        return prepared
