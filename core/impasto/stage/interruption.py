"""Ctrl-C: the picture so far of an iterative stage is kept, and libraries that do not look for it are left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor

from ..picture import Interrupted
from .context import current_run

T = TypeVar("T")

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


def interruptible(compute: Callable[[], T]) -> T:
    """Return what `compute` returns; a KeyboardInterrupt is raised at once, though a library does not look for it.

    For functions in C that take seconds, such as those of scikit-image: a thread computes, and after an interruption
    what it computes is thrown away.  Torch needs no such help where its operations are short.

    Args:
        compute: changes nothing but what it returns.

    Example:
        >>> interruptible(lambda: sum(range(10)))
        45
    """
    if threading.current_thread() is not threading.main_thread():  # where nobody hears of an interruption
        return compute()
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(compute())
        except BaseException as error:  # raised again where the result is asked for
            found.set_exception(error)

    # Not of a pool, which would be waited for when the program ends.
    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    while not found.done():
        wait([found], timeout=0.1)  # on Windows a wait without end hears nothing
    return found.result()
