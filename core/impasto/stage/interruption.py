"""Ctrl-C in an iterative stage: the picture so far is kept."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from ..picture import Interrupted
from .context import current_run

Painted = tuple[Tensor, Interrupted | None]
"""A picture, and where its painting was interrupted, if it was."""


def painted_so_far(stage: str, paint: Callable[[], Tensor], like: Tensor) -> Painted:
    """Return what `paint` returns, or after a KeyboardInterrupt the last image that the stage has reported.

    Args:
        stage: its name.
        paint: paints; reports its steps by `Stage.report`.
        like: (B, 3, H, W), the content, whose size an image of a coarser level is brought to.

    Raises:
        KeyboardInterrupt: no step was reported yet.
    """
    run = current_run()
    before, run.last_step = run.last_step, None
    try:
        return paint(), None
    except KeyboardInterrupt:
        if run.last_step is None:
            raise
        step, steps, image = run.last_step
        return F.interpolate(image.float(), like.shape[-2:], mode="bicubic"), Interrupted(stage, step, steps)
    finally:
        run.last_step = before
