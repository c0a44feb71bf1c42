"""Tuning: `tune` makes the widget of a pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pipeline import Pipeline
from ..stage import Stage

if TYPE_CHECKING:
    from .tuner import Tuner


def tune(pipeline: Pipeline | Stage, content: Any, style: Any = None, *, size: int = 384, **how: Any) -> Tuner:
    """Return sliders and menus for the parameters of a pipeline, beside what it paints.

    Args:
        pipeline: a pipeline or a stage to begin with.
        content: as for a run, one picture.
        style: as for a run.
        size: longer side in pixels of what is painted while tuning; "Full size" paints the whole.
        how: what a run takes besides: `mask`, `guides`, `device`, `precision`, `seed`, `plugins`.

    Returns:
        A widget.  Its `pipeline` has the values chosen, its `picture` is the last one painted.

    Raises:
        ImportError: ipywidgets is not installed; the message says what to type.

    Example:
        >>> import impasto
        >>> tuner = impasto.tune(impasto.Pipeline.parse("adain"), *impasto.samples.pair(64))  # doctest: +SKIP
    """
    try:
        # It needs ipywidgets, which is an extra.
        from .tuner import Tuner
    except ImportError as error:
        raise ImportError(
            "tune: needs the package ipywidgets\n  what to type: pip install 'impasto[notebook]'"
        ) from error
    return Tuner(pipeline if isinstance(pipeline, Pipeline) else Pipeline(pipeline), content, style, size, how)
