"""Checks of a stage in streams: frames as they are painted alone, or with a memory of their own stream."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from unittest import SkipTest

import torch
from torch import Tensor

from ..pipeline import Pipeline
from ..stage import Stage
from .harness import (
    SEED,
    Inputs,
    baseline,
    mean_difference,
    observation,
    preceding_stages,
    repeatable_baseline,
    require,
    works,
)
from .painting import BATCH_TOLERANCE
from .process_state import recorded_changes

STATE = (
    "current_run().frame of impasto.stage, whose memory is a stream's own, and stateful: ClassVar[bool] = True; nothing"
    " kept in the module, the class or the stage, and nothing changed that impasto.stage.remember gives"
)


def _stream(stage: Stage, frames: Iterable[Tensor], batch: int = 1) -> Iterator[Tensor]:
    """Yield what a stage makes of frame after frame, behind the stages that it needs."""
    style = Inputs.of_odd_size(stage, 0.0).style
    pipe = Pipeline(*preceding_stages(), stage)
    given = (frame.clone() for frame in frames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for painted in pipe.stream(given, style, batch=batch, device="cpu", precision="float32", seed=SEED):
            yield painted.tensor.clone()


def _frames(stage: Stage, *variants: float) -> list[Tensor]:
    return [Inputs.of_odd_size(stage, variant).content for variant in variants]


def streams_as_it_paints_alone(stage: Stage) -> None:
    """A frame of a stream is to the bit the picture by itself; of a stateful stage, the first one and after a cut."""
    repeatable_baseline(stage)
    variants = (0.0, 1.0, 0.0)
    frames = _frames(stage, *variants)
    if stage.stateful:  # other frames are the stage's own affair; another size is a cut
        frames[1] = frames[1].transpose(2, 3).contiguous()
    with works("painting a stream of three frames", STATE), recorded_changes():
        painted = list(_stream(stage, frames))
    for index, (frame, variant) in enumerate(zip(painted, variants, strict=True)):
        if stage.stateful and index == 1:
            continue
        alone = observation(stage, variant).image
        require(
            torch.equal(frame, alone),
            f"frame {index + 1} of a stream{', after a cut,' * (stage.stateful and index > 0)} is not the picture that"
            f" it paints alone{_by(frame, alone)}",
            STATE,
        )


def a_second_stream_begins_anew(stage: Stage) -> None:
    """Two streams at once, painted in turn, are the streams that each is alone; for stages that are stateful."""
    if not stage.stateful:
        raise SkipTest("is not stateful, and streams as it paints alone")
    repeatable_baseline(stage)
    one, other = _frames(stage, 0.0, 0.1, 0.2), _frames(stage, 0.9, 1.0, 0.9)
    with works("painting two streams", STATE), recorded_changes():
        alone = list(_stream(stage, one))
        pairs = list(zip(_stream(stage, one), _stream(stage, other), strict=True))
    for index, ((frame, _), wanted) in enumerate(zip(pairs, alone, strict=True), 1):
        require(
            torch.equal(frame, wanted),
            f"frame {index} of a stream is another{_by(frame, wanted)} where a second stream is painted in turn",
            STATE,
        )


def a_batch_is_as_one_by_one(stage: Stage) -> None:
    """Frames that are painted several at once are what they are one by one: a batch is no sequence."""
    seen = baseline(stage)
    if not stage.stateful and (seen.random or seen.steps):
        raise SkipTest("draws random numbers or reports steps, and a batch draws others")
    repeatable_baseline(stage)
    variants = (0.0, 1.0, 0.0)
    frames = _frames(stage, *variants)
    with works("painting frames several at once", "operations on (B, 3, H, W) for any B"), recorded_changes():
        together = list(_stream(stage, frames, batch=len(frames)))
    with recorded_changes():
        alone = list(_stream(stage, frames)) if stage.stateful else [observation(stage, one).image for one in variants]
    for index, (frame, wanted) in enumerate(zip(together, alone, strict=True), 1):
        distance = mean_difference(frame, wanted) if frame.shape == wanted.shape else float("inf")
        require(
            distance <= (0 if stage.stateful else BATCH_TOLERANCE),
            f"frame {index} of {len(frames)} painted at once differs by {distance:.2g} from what it is one by one",
            STATE,
        )


def _by(frame: Tensor, wanted: Tensor) -> str:
    """Say how far a frame is from what it should be."""
    return f" (mean difference {mean_difference(frame, wanted):.2g})" if frame.shape == wanted.shape else ""
