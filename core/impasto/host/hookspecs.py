"""Every hook of Impasto.  Implement the ones you need, under these names and with any of these arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..stage import Canvas, Postprocessor, Preprocessor, Stage, Stylizer
    from ..training import Trainer

hookspec = pluggy.HookspecMarker("impasto")
hookimpl = pluggy.HookimplMarker("impasto")

# Registry hooks: what an installed plugin offers.  Offering a stage never runs it; a pipeline does.


@hookspec
def impasto_preprocessors() -> Sequence[type[Preprocessor]]:  # type: ignore[empty-body]
    """Return stages that prepare a canvas before the painting: masks, colour transfer, resizing."""


@hookspec
def impasto_stylizers() -> Sequence[type[Stylizer]]:  # type: ignore[empty-body]
    """Return stages that paint the image in the manner of the style."""


@hookspec
def impasto_postprocessors() -> Sequence[type[Postprocessor]]:  # type: ignore[empty-body]
    """Return stages that refine a painted image: smoothing, histogram matching."""


@hookspec
def impasto_encoders() -> Mapping[str, Callable[[], nn.Module]]:  # type: ignore[empty-body]
    """Return feature extractors by name, each a function that loads one (see `impasto.networks`)."""


@hookspec
def impasto_trainers() -> Sequence[type[Trainer]]:  # type: ignore[empty-body]
    """Return trainers of networks that a plugin uses (see `impasto.training`)."""


# Call-time hooks: what a run passes through.  A plugin joins only by being passed to that run,
# `pipe(content, style, plugins=[...])`, so that installing something never changes a picture.


@hookspec(firstresult=True)
def impasto_run_stage(stage: Stage, canvas: Canvas) -> Canvas | None:
    """Run one stage: return its canvas, or None to leave it to the next; wrap to time, cache or watch it."""


@hookspec
def impasto_step(stage: Stage, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
    """Look on after a step (1 to `steps`) of an iterative stage: progress bars, previews, loss plots."""
