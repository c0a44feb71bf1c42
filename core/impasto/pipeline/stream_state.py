"""What a run keeps of a stream from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import StageError
from ..picture import Picture
from ..stage import Canvas, Frame, PreviousFrame, Stage, StreamMemo
from ..stream import CutDetector


@dataclass
class _Past:
    """What one stage has of the frames before."""

    memory: dict[str, Any] = field(default_factory=dict)
    regions: dict[Any, dict[str, Any]] = field(default_factory=dict)
    previous: PreviousFrame | None = None
    versions: tuple[int, ...] = ()


class StreamState:
    """What a run keeps of one stream: what the styles alone decide, and the past of each stage that is stateful.

    Args:
        stages: of the pipeline.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.memo = StreamMemo()
        self.stateful = any(stage.stateful for stage in stages)
        """Whether a stage looks back, so that frames are painted one by one."""
        self._is_cut = CutDetector()
        self.cut: bool | None = None
        """Whether the present frame begins a new shot; None where no stage looks back, and nobody looked."""
        self._pasts: dict[int, _Past] = {}

    def begin(self, picture: Picture) -> None:
        """Begin with a frame, or with several to be painted at once."""
        self.memo.next_frame()
        self.cut = self._is_cut(picture.visible) if self.stateful else None
        if self.cut:
            self._pasts.clear()

    def frame(self, index: int, canvas: Canvas) -> Frame:
        """Return the frame that a stateful stage is given with a canvas; stages are told apart by their places."""
        past = self._pasts.get(index)
        # A stage before this one may give another size from frame to frame, of which nothing can be compared.
        resized = past is not None and past.previous is not None and past.previous.given.shape != canvas.image.shape
        if past is None or resized:
            past = self._pasts[index] = _Past()
        meta = canvas.meta
        return Frame(meta.frame or 1, meta.time, bool(self.cut) or resized, past.memory, past.previous, past.regions)

    def keep(self, index: int, before: Canvas, after: Canvas) -> None:
        """Keep what a stateful stage was given and has painted, for the next frame.

        Raises:
            StageError: it has written into the frame before.
        """
        past = self._pasts[index]
        if past.previous is not None and past.versions != past.previous.versions:
            raise StageError(
                "writes into current_run().frame.previous, whose pictures are those of other stages too\n"
                "  what would work: .clone() first, or operations without a trailing underscore; and what it keeps from"
                " frame to frame, in frame.memory"
            )
        past.previous = PreviousFrame(before.content, before.image, after.image)
        past.versions = past.previous.versions
