"""Ctrl-C and the signals that end programs, held back until a step is whole, so that what it taught can be kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Names of the signals; Windows has no SIGHUP."""

Deliver = Callable[[], None]
"""Pass on what was held back: the handler that was there before is called."""


@contextmanager
def held_interruptions(hold: bool = True) -> Iterator[Callable[[], Deliver | None]]:
    """Hold back what would interrupt the block; a second signal is passed on at once.

    Signals that end the process without a word, and those that are ignored, stay as they are.

    Args:
        hold: False holds nothing back.

    Yields:
        A function that returns None, or when a signal has come what passes it on.

    Example:
        >>> with held_interruptions() as interruption:
        ...     signal.raise_signal(signal.SIGINT)
        ...     deliver = interruption()
        >>> try:
        ...     deliver()
        ... except KeyboardInterrupt:
        ...     print("interrupted when the block was ready")
        interrupted when the block was ready
    """
    received: list[Deliver] = []
    former: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def receive(number: int, frame: FrameType | None) -> None:
        def deliver() -> None:
            former[number](number, frame)

        received.append(deliver)
        if len(received) > 1:
            deliver()

    if hold and threading.current_thread() is threading.main_thread():  # Python lets no other set handlers
        for name in INTERRUPTING:
            number = getattr(signal, name, None)
            if number is None:
                continue
            handler = signal.getsignal(number)
            if callable(handler) and not isinstance(handler, signal.Handlers):
                former[number] = handler
                signal.signal(number, receive)
    try:
        yield lambda: received.pop(0) if received else None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
