"""Signals that end programs, as `docker stop`, systemd, SLURM and a closed terminal send them, taken as Ctrl-C is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = ("SIGTERM", "SIGHUP")
"""Names of the signals; Windows has no SIGHUP."""


@contextmanager
def ending_signals_interrupt() -> Iterator[list[int]]:
    """Let signals that end a program interrupt the block, so that it keeps what there is, as after Ctrl-C.

    Yields:
        The numbers of those that came, the first of which interrupted.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:  # a second one must not interrupt what keeps the picture
            raise KeyboardInterrupt

    former = {}
    if threading.current_thread() is threading.main_thread():  # Python lets no other set handlers
        for name in ENDING:
            number = getattr(signal, name, None)
            # One that is ignored, as nohup does with SIGHUP, stays so; one that somebody handles is theirs.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                former[number] = signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
