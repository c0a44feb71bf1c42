"""The size that a run works at: in pixels, or by how large strokes are to be and how large the picture is printed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from torch import Tensor

from ..errors import ParameterError, quoted
from ..functional.resizing import Size, resample_maps, resize, size_of, size_within, upsample_guided
from ..stage import Canvas, SizeChange, Stage, Stylizer, change_size
from .blank import own_canvas_size

SIDES = range(16, 16385)
"""Pixels that the longer side may have at work."""
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
INCH = 25.4
STROKE = 10
"""Pixels that a stroke is wide as painted, where no stage says."""
DETAIL = 0.2
"""Share of the photograph's finest brightness detail that comes back with its size, looked at on 12 megapixels and on
enlargements by three: at 0.5 its contours cross the strokes as thin lines, with none a painting enlarged is soft."""
STROKES, SHARES = 4.0, (0.005, 0.02)
"""Millimetres of a stroke on paper that one sees at arm's length, and the shares of the longer side that it stays in:
a large print is seen from further away, a small one from nearer."""
LEAST_DENSITY = 100
"""Pixels to the inch below which a print shows pixels at arm's length."""


def millimetres(text: str, what: str) -> float:
    """Return the length that a text states.

    Args:
        text: a number with its unit: mm, cm, m or in.
        what: is measured, for the message.

    Raises:
        ParameterError: no such length.

    Example:
        >>> millimetres("40cm", "print")
        400.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|m|in)\s*", text) if isinstance(text, str) else None
    if match is None or not (length := float(match[1]) * MILLIMETRES[match[2]]):
        raise ParameterError(
            f"{what} = {quoted(text)} is no length\n  what would work: a number and mm, cm, m or in, such as 40cm"
        )
    return length


def stroke_share(text: str, printed: str | None) -> float:
    """Return which share of the picture's longer side a stroke is to be.

    Args:
        text: per cent of the longer side, `1%`, or a length on paper, `4mm`.
        printed: length of the longer side on paper.

    Raises:
        ParameterError: neither, or a length of a picture that is not printed.

    Example:
        >>> stroke_share("1%", None), stroke_share("4mm", "40cm")
        (0.01, 0.01)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text) if isinstance(text, str) else None
    if match is None and printed is None:
        raise ParameterError(
            f"strokes = {quoted(text)} does not fit\n"
            "  what would work: per cent of the picture's longer side, such as 1%; or, of a print, a length such as 4mm"
        )
    share = float(match[1]) / 100 if match else millimetres(text, "strokes") / millimetres(str(printed), "print")
    if not 0 < share <= 0.5:
        raise ParameterError(
            f"strokes = {quoted(text)} is {100 * share:.3g} % of the picture's longer side\n"
            "  what would work: more than 0 %, and at most 50 %"
        )
    return share


def work_size(stages: Sequence[Stage], size: int | None, printed: str | None, strokes: str | None) -> int | None:
    """Return the longer side in pixels that stages work at; None where the picture's own is meant.

    Args:
        stages: of which the first that paints strokes says how wide they are.
        size: that side, where it is given.
        printed: length of the longer side on paper, such as `40cm`.
        strokes: how wide strokes are to be; None: as one sees them at arm's length, where the picture is printed.

    Example:
        >>> work_size([], None, "40cm", None)
        1000
    """
    if size is not None or (printed is None and strokes is None):
        return size
    if strokes is None and own_canvas_size(stages) is not None:
        return None
    if strokes is not None:
        share = stroke_share(strokes, printed)
    else:
        low, high = SHARES
        share = min(max(STROKES / millimetres(str(printed), "print"), low), high)
    widths = (stage.stroke_width() for stage in stages if isinstance(stage, Stylizer))
    wide = next(filter(None, widths), STROKE)
    return min(max(round(wide / share), SIDES[0]), SIDES[-1])


def at_size(canvas: Canvas, side: int | None) -> SizeChange | None:
    """Return the change of a canvas to a longer side of so many pixels; None where it has no more."""
    size = size_of(canvas.content)
    small = size if side is None else size_within(size, side)
    if small == size:
        return None
    return change_size(canvas, lambda image: resize(image, small), lambda maps: resample_maps(maps, small))


def at_full_size(canvas: Canvas, change: SizeChange) -> Canvas:
    """Return a painted canvas in its own size again, with the content's edges and detail."""

    def enlarged(painted: Tensor, content: Tensor) -> Tensor:
        return upsample_guided(painted, content, detail=DETAIL).clamp_(0, 1)

    before = change.before
    if size_of(canvas.content) == size_of(change.after.content):
        return change.undo(canvas, enlarged)
    # A stage has changed the size for itself, and its mask and regions are of no use any more.
    maps = {"mask": before.mask, "guides": before.guides, "alpha": before.alpha, "labels": before.labels}
    return canvas.replace(content=before.content, image=enlarged(canvas.image, before.content), **maps)


def print_density(printed: str, size: Size) -> tuple[float, float]:
    """Return pixels to the inch of a picture whose longer side gets a length on paper, with a warning of few.

    Example:
        >>> print_density("40cm", (3024, 4032))
        (256.0, 256.0)
    """
    density = max(size) / (millimetres(printed, "print") / INCH)
    if density < LEAST_DENSITY:
        fitting = max(size) / LEAST_DENSITY * INCH / 10
        warnings.warn(
            f"printed {printed} long, {max(size)} pixels are {density:.0f} to the inch, and show\n"
            f"  what would work: a larger photograph, or a print of at most {fitting:.0f} cm",
            stacklevel=4,
        )
    return (float(round(density)), float(round(density)))
