"""Reading ahead and writing behind, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


class _End:
    """The last thing in a queue, with the error that ended it if there was one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    """Iterate in a thread of its own, at most `ahead` items before they are needed.

    An error comes out behind the items before it.  Closing the generator ends the thread.
    """
    queue: Queue[T | _End] = Queue(ahead)
    stop = Event()

    def put(item: T | _End) -> bool:
        while not stop.is_set():
            try:
                queue.put(item, timeout=0.1)
                return True
            except Full:
                continue
        return False

    def fill() -> None:
        end = _End()
        try:
            with closing(items) if isinstance(items, Generator) else nullcontext():
                for item in items:
                    if not put(item):
                        return
        except BaseException as error:  # raised again where the items are used
            end = _End(error)
        put(end)

    thread = Thread(target=fill, name="impasto-reader", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join(5)  # a source that hangs, such as a camera, does not hang the program


@contextmanager
def written_behind(write: Callable[[T], object], behind: int) -> Iterator[Callable[[T], None]]:
    """Yield a function that hands items to `write`, which runs in a thread of its own, in order.

    The function waits while `behind` items are unwritten, and raises what `write` raised.  Leaving the block, also
    by an error, waits until all are written; a second interruption gives them up.
    """
    queue: Queue[T | _End] = Queue(behind)
    failure: list[BaseException] = []
    given_up = Event()

    def drain() -> None:
        while not isinstance(item := queue.get(), _End):
            if failure or given_up.is_set():
                continue
            try:
                write(item)
            except BaseException as error:  # raised again where the items come from
                failure.append(error)

    thread = Thread(target=drain, name="impasto-writer", daemon=True)

    def put(item: T) -> None:
        if failure:
            raise failure[0]
        queue.put(item)

    def finish() -> None:
        queue.put(_End())
        thread.join()

    thread.start()
    try:
        yield put
    finally:
        try:
            finish()
        except KeyboardInterrupt:
            given_up.set()
            finish()
            raise
    if failure:
        raise failure[0]
