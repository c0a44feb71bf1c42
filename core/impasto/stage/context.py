"""What a run holds for its stages: random numbers, a watcher, the last step, the frame, what styles alone decide."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from ..device import indexed_device
from ..errors import StageError
from .stream_frame import Frame

OnStep = Callable[[Any, int, int, Tensor, Mapping[str, Tensor]], None]
"""Called with the stage, the step, the number of steps, the image so far and the losses."""

T = TypeVar("T")


class Step(NamedTuple):
    """The last step that an iterative stage has reported."""

    step: int
    steps: int
    image: Tensor


class StreamMemo:
    """What `remember` computed for the frames of a stream; what a frame does not ask for is gone after the next one.

    Example:
        >>> memo, style = StreamMemo(), object()
        >>> memo.next_frame()
        >>> memo.get(style, "mean", lambda: 0.5), memo.get(style, "mean", lambda: 0.9)
        (0.5, 0.5)
    """

    def __init__(self) -> None:
        self._present: dict[Any, tuple[object, Any]] = {}
        self._previous: dict[Any, tuple[object, Any]] = {}

    def next_frame(self) -> None:
        """Begin a frame: forget what the last one did not ask for."""
        self._previous, self._present = self._present, {}

    def get(self, owner: object, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what was computed for an owner under a key, or compute it."""
        owners = map(id, owner if isinstance(owner, tuple) else (owner,))
        # Under autocast an encoder gives other features for the same picture.
        whole = (*owners, key, any(map(torch.is_autocast_enabled, ("cpu", "cuda", "mps"))))
        if whole not in self._present:
            # The owner is kept so that no other object comes to its place in memory.
            entry = self._previous.get(whole)
            self._present[whole] = (owner, compute()) if entry is None else entry
        value: T = self._present[whole][1]
        return value


class RunContext:
    """The present run, as its stages see it; `with RunContext(...):` makes it the present one.

    Args:
        seed: of the random numbers; None draws from torch's own generators, as outside a run.
        watcher: called after each step of an iterative stage.
        memo: keeps what `remember` computes from frame to frame; None keeps nothing.

    Example:
        >>> with RunContext(seed=1):
        ...     drawn = torch.rand(2, generator=current_run().generator("cpu"))
        >>> torch.equal(drawn, torch.rand(2, generator=torch.Generator().manual_seed(1)))
        True
    """

    def __init__(
        self, seed: int | None = None, *, watcher: OnStep | None = None, memo: StreamMemo | None = None
    ) -> None:
        self.seed, self.watcher, self.memo = seed, watcher, memo
        self.last_step: Step | None = None
        self.superseded: list[Path] = []
        """Files that stages keep until the picture is written, such as checkpoints, and that are then removed."""
        self._generators: dict[torch.device, torch.Generator] = {}
        self._tokens: list[Token[RunContext | None]] = []
        self._stage = ""
        self._frame: Frame | None = None
        self._shown: Callable[[Tensor], Tensor] = _whole

    def generator(self, device: str | torch.device) -> torch.Generator | None:
        """Return the run's random generator on a device, which goes on from draw to draw and stage to stage.

        None where there is no seed, which torch takes for its own generator.
        """
        if self.seed is None:
            return None
        device = indexed_device(device)
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self._generators[device]

    @property
    def frame(self) -> Frame:
        """The frame of a stream that the present stage is given; an empty one outside a stream.

        Raises:
            StageError: the stage is not `stateful`, so that it may be given several frames at once.
        """
        if self._frame is None and self._stage:
            raise StageError(
                f"{self._stage}: asks for the frame of a stream, and does not say that it looks back\n"
                "  what to type: stateful: ClassVar[bool] = True, in its class"
            )
        return Frame() if self._frame is None else self._frame

    @contextmanager
    def at_stage(self, name: str, frame: Frame | None) -> Iterator[None]:
        """Have a stage run inside the block, on a frame if it is stateful."""
        before, self._stage, self._frame = (self._stage, self._frame), name, frame
        try:
            yield
        finally:
            self._stage, self._frame = before

    @contextmanager
    def at_part(self, change: Callable[[Frame], Frame]) -> Iterator[None]:
        """Have a stateful stage see the frame inside the block as a function changes it, such as a part of it."""
        before = self._frame
        self._frame = None if before is None else change(before)
        try:
            yield
        finally:
            self._frame = before

    @contextmanager
    def showing(self, part: Callable[[Tensor], Tensor]) -> Iterator[None]:
        """Have previews inside the block show the part of a picture that a function gives, at any resolution."""
        before, self._shown = self._shown, part
        try:
            yield
        finally:
            self._shown = before

    def preview(self, image: Tensor) -> Tensor:
        """Return what is shown of a stage's picture so far (B, 3, h, w): not what lies beyond the picture's border."""
        return self._shown(image)

    def __enter__(self) -> Self:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())


def _whole(image: Tensor) -> Tensor:
    return image


_current: ContextVar[RunContext | None] = ContextVar("impasto_run", default=None)


def current_run() -> RunContext:
    """Return the present run; where a stage is called by hand, one that draws from torch's own generators.

    Example:
        >>> current_run().generator("cpu") is None  # nothing runs
        True
    """
    present = _current.get()
    if present is None:
        present = RunContext()
        _current.set(present)
    return present


def remember(owner: object, key: Hashable, compute: Callable[[], T]) -> T:
    """Return `compute()`, computed once for an owner and a key as long as frame follows frame in a stream.

    For what depends on the styles alone, such as the statistics of their features.  Outside a stream it is computed
    each time, and the result is the same.

    Args:
        owner: what it is computed from, the same object in each frame: a `Style`, a tensor that is never changed in
            place, or a tuple of such.
        key: a hashable value that tells what is computed, with every parameter that it depends on.
        compute: draws no random numbers, depends on nothing but owner and key, and its result is never changed.

    Example:
        >>> import impasto
        >>> from impasto.functional import mean_std
        >>> style = impasto.Style(impasto.samples.style("mosaic", 64))
        >>> remember(style, "mean_std", lambda: mean_std(style.image))[0].shape
        torch.Size([1, 3, 1, 1])
    """
    memo = current_run().memo
    return compute() if memo is None else memo.get(owner, key, compute)
