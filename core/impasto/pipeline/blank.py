"""The canvas of a run that has no content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..errors import StageError
from ..functional.resizing import Size
from ..picture import Picture, read
from ..stage import Stage, Stylizer


def own_canvas_size(stages: Sequence[Stage]) -> Size | None:
    """Return height and width of the canvas that stages bring, the first that brings one; None: none does.

    Args:
        stages: of a pipeline, in order.
    """
    sizes = (stage.canvas_size() for stage in stages if isinstance(stage, Stylizer))
    return next((size for size in sizes if size is not None), None)


def content_picture(content: Any, stages: Sequence[Stage], mask: Any = None) -> Picture:
    """Return the content as a picture; where there is none, a grey canvas of the size that a stage brings.

    Args:
        content: what `impasto.read` takes, or None.
        stages: that will run on it.
        mask: of the run, outside which the content stays; None: there is none.

    Raises:
        TypeError: no content, and no stage that brings a canvas.
        StageError: no content, and a mask, or a stage that mixes what it paints with it.
        PictureError: the content cannot be read.

    Example:
        >>> import impasto
        >>> content_picture(impasto.samples.content("cat", 48), ()).size
        (32, 48)
    """
    if content is not None:
        return read(content)
    size = own_canvas_size(stages)
    if size is None:
        raise TypeError(
            "no content was given, and no stage brings a canvas of its own\n"
            "  what to type: pipe(content, style); or a stage such as Texture(size='1024x768') for pipe(None, style)"
        )
    for stage in stages:
        if not isinstance(stage, Stylizer) or stage.canvas_size() is None:
            continue
        if mask is not None:
            raise StageError(
                f"{stage.name}: a mask keeps the content where it is black, and there is none\n"
                "  what would work: no mask, or a content"
            )
        if stage.strength != 1:
            raise StageError(
                f"{stage.name}: strength = {stage.strength:g} mixes its picture with the content, and there is none\n"
                "  what would work: strength=1, or a content"
            )
    return Picture(torch.full((1, 3, *size), 0.5, dtype=torch.float32, device="cpu"))
