"""Reading ahead and writing behind keep the order and lose nothing."""

import time

import pytest

from impasto.stream import prefetched, written_behind


def test_prefetching_keeps_the_order_and_passes_any_error_on():
    assert list(prefetched(range(50), 3)) == list(range(50))
    with pytest.raises(ZeroDivisionError):
        list(prefetched((1 // (2 - index) for index in range(4)), 1))


def test_writing_behind_keeps_the_order_and_finishes_what_was_handed_over():
    written = []

    def slowly(item):
        time.sleep(0.01)
        written.append(item)

    with pytest.raises(KeyboardInterrupt), written_behind(slowly, 3) as put:  # noqa: PT012
        for index in range(10):
            put(index)
        raise KeyboardInterrupt
    assert written == list(range(10))


def test_an_error_in_writing_stops_the_painting():
    handed = []

    def full(item):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"), written_behind(full, 1) as put:  # noqa: PT012
        for index in range(1000):
            put(index)
            handed.append(index)
            time.sleep(0.01)
    assert len(handed) < 1000
