"""Ctrl-C is obeyed while a library computes that does not look for it."""

import os
import signal
import sys
import threading
import time

import pytest

from impasto.stage import interruptible


def test_what_is_computed_and_what_is_raised_come_back():
    assert interruptible(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0)


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the program there")
def test_an_interruption_does_not_wait_for_the_library():
    done = threading.Event()
    # Where these tests run in the background of a shell, Ctrl-C is ignored.
    outer = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            interruptible(lambda: done.wait(20))
        assert time.monotonic() - begun < 10
    finally:
        signal.signal(signal.SIGINT, outer)
        done.set()
