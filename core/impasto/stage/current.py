"""What the present run holds for its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor

from .canvas import Style

Watcher = Callable[[Any, int, int, Tensor, Mapping[str, Tensor]], None]


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


_latest: ContextVar[list[tuple[int, int, Tensor]] | None] = ContextVar("latest", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Have `watcher` called after each step of the iterative stages run inside."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


T = TypeVar("T")


class Memory:
    """What `once` computed for the frames of a stream; what a frame does not ask for is gone after the next one."""

    def __init__(self) -> None:
        self._now: dict[Any, Any] = {}
        self._before: dict[Any, Any] = {}

    def turn(self) -> None:
        """Begin a frame: forget what the last one did not ask for."""
        self._before, self._now = self._now, {}

    def recall(self, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Return what was computed from the same arguments, or compute it."""
        # Under autocast an encoder gives other features for the same picture.
        low = any(map(torch.is_autocast_enabled, ("cpu", "cuda", "mps")))
        key = (compute, low, _identity(arguments))
        if key not in self._now:
            if key in self._before:
                self._now[key] = self._before[key]
            else:
                state = _random_state()
                result = compute(*arguments)
                if _random_state() != state:
                    return result  # what draws random numbers has to draw them for every frame
                # The arguments are kept so that no other tensor comes to their place in memory.
                self._now[key] = arguments, result
        kept: T = self._now[key][1]
        return kept


_memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Have `once` remember, in `memory`, what is computed inside; each use is one frame."""
    memory.turn()
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


def once(compute: Callable[..., T], *arguments: Any) -> T:
    """Return `compute(*arguments)`, computed once for all frames of a stream if its arguments stay the same.

    For what depends on the styles alone, such as the statistics of their features: a stage calls
    `once(self.study, style.image)` in the place of `self.study(style.image)`.  Outside a stream the two are one.

    Args:
        compute: a function or method, always the same one (a lambda is a new one each time); its result must
            depend on nothing else and never be changed in place.
        arguments: tensors, styles, and tuples or lists of them, which are the same if they are the same tensors,
            unchanged; and other hashable values, which are the same if equal.

    Example:
        >>> import impasto
        >>> style = impasto.samples.style("mosaic", 64)
        >>> once(impasto.functional.mean_std, style)[0].shape
        torch.Size([1, 3, 1, 1])
    """
    memory = _memory.get()
    return compute(*arguments) if memory is None else memory.recall(compute, arguments)


def _identity(value: Any) -> Any:
    """Return what tells whether an argument is the same as before."""
    if isinstance(value, Tensor):
        return Tensor, id(value), 0 if value.is_inference() else value._version
    if isinstance(value, Style):
        return Style, *map(_identity, (value.image, value.weight, value.guides, value.labels, value.region))
    if isinstance(value, (tuple, list)):
        return type(value), *map(_identity, value)
    return type(value), value


def _random_state() -> list[bytes]:
    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states += torch.cuda.get_rng_state_all()
    return [state.numpy().tobytes() for state in states]
