"""Frame after frame through a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import torch

from ..errors import quoted
from ..picture import Picture
from ..stream import frame_error, frame_source, prefetched, read_frames
from ..validation import python_number
from .run import Run
from .stream_state import StreamState


def painted_frames(
    run: Run, frames: Any, *, batch: int, ahead: int, max_pixels: int | None = None
) -> Iterator[Picture]:
    """Return a generator of what a run makes of frame after frame: see `Pipeline.stream`."""
    if min(python_number(count, whole=True) or 0 for count in (batch, ahead)) < 1:
        raise ValueError(
            f"batch = {quoted(batch)} and ahead = {quoted(ahead)} should both be whole numbers, 1 or more\n"
            "  what would work: batch=1, ahead=2"
        )
    source = frame_source(frames, max_pixels)
    run.keep(source)
    return _paint(run, read_frames(source, max_pixels), batch, max(ahead, batch))


def _paint(run: Run, frames: Iterator[Picture], batch: int, ahead: int) -> Iterator[Picture]:
    state = StreamState(run.stages)
    with closing(prefetched(frames, ahead)) as waiting:
        for group in _groups(waiting, 1 if state.stateful else batch):
            try:
                picture = _joined(group)
                state.begin(picture)
                done = run.paint(picture.replace(meta=picture.meta.replace(cut=state.cut)), stream=state)
            except Exception as error:
                raise frame_error(group[0].meta, error, len(group) - 1) from error
            if done.interrupted is not None:
                raise KeyboardInterrupt
            done.meta.remove_superseded()  # the next frame begins a checkpoint of its own
            for frame, picture in zip(group, done, strict=True):
                yield picture.replace(meta=frame.meta.replace(recipe=done.meta.recipe, cut=state.cut))


def _groups(frames: Iterator[Picture], batch: int) -> Iterator[list[Picture]]:
    """Put successive frames that fit into one batch together; an error waits for those before it."""
    group: list[Picture] = []
    failure: Exception | None = None
    while failure is None:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        if group and not (frame.size == group[0].size and (frame.alpha is None) == (group[0].alpha is None)):
            yield group
            group = []
        group.append(frame)
        if len(group) == batch:
            yield group
            group = []
    if group:
        yield group
    if failure is not None:
        raise failure


def _joined(group: Sequence[Picture]) -> Picture:
    if len(group) == 1:
        return group[0]
    alphas = [frame.alpha for frame in group if frame.alpha is not None]
    return Picture(torch.cat([frame.tensor for frame in group]), torch.cat(alphas) if alphas else None, group[0].meta)
