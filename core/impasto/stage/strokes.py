"""How wide strokes are, and pictures in which nobody sees them."""

from __future__ import annotations

import warnings

from ..functional.resizing import size_of, size_text
from .canvas import Canvas

FINEST = 0.004
"""Share of a picture's longer side below which a stroke is hardly seen: 1.6 mm of 40 cm."""
PLAIN, TIMES = 1024, 4
"""Pixels of the longer side up to which a picture shows strokes of any style, and how many times the style's beyond."""


def warn_of_fine_strokes(name: str, stroke: float, canvas: Canvas) -> None:
    """Warn of a picture in which strokes are hardly seen, since it is large, by itself or beside its style.

    Args:
        name: of the stage.
        stroke: pixels that its strokes are wide; 0: it has none.
        canvas: about to be painted.

    Example:
        >>> import impasto, torch
        >>> canvas = impasto.Canvas(content := torch.rand(1, 3, 8, 8), content)
        >>> warn_of_fine_strokes("fresco", 10, canvas)
    """
    if not stroke:
        return
    size = size_of(canvas.image)
    longest, style = max(size), max((max(size_of(style.image)) for style in canvas.styles), default=0)
    if stroke < FINEST * longest:
        share = f"{100 * stroke / longest:.1g} % of {size_text(size)}"
        why = f"strokes are about {stroke:.2g} pixels wide as it paints, {share}"
    elif style and longest > max(PLAIN, TIMES * style):
        why = (
            f"the picture is {size_text(size)}, {longest / style:.0f} times the style's {style}: its strokes are small"
        )
    else:
        return
    warnings.warn(
        f"{name}: {why}, hardly to be seen\n"
        f"  what to type: pipe(..., size={PLAIN}), which paints smaller and brings the picture back",
        stacklevel=4,
    )
