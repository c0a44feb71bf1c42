"""Every hook of Impasto.  Implement the ones you need, under these names and with any of these arguments."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor, nn

    from ..functional.losses import StatisticOf
    from ..functional.metrics import Metric
    from ..stage import Canvas, Look, Postprocessor, Preprocessor, Stage, Stylizer, Watcher
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
    """Return feature extractors by name, each a function that loads one (see `impasto.networks`).

    An `impasto.weights.Loader` is such a function, and says which weights it needs.
    """


@hookspec
def impasto_trainers() -> Sequence[type[Trainer]]:  # type: ignore[empty-body]
    """Return trainers of networks that a plugin uses (see `impasto.training`)."""


@hookspec
def impasto_decoders() -> Mapping[str, Callable[[], nn.Module]]:  # type: ignore[empty-body]
    """Return decoders by name, each a function that loads one: from the features of an encoder to a picture.

    An `impasto.weights.Loader` is such a function, and says which weights it needs.
    """


@hookspec
def impasto_statistics() -> Mapping[str, StatisticOf]:  # type: ignore[empty-body]
    """Return style statistics by name, which `gatys` and `texture` imitate (see `impasto.functional.losses`).

    Each is a `Statistic`, or, if it depends on the style or draws random numbers, a function from the style's features
    (1, C, H, W) and a generator to a `Statistic`.
    """


@hookspec
def impasto_metrics() -> Mapping[str, Metric]:  # type: ignore[empty-body]
    """Return metrics by name, with which `impasto evaluate` measures pictures (see `impasto.functional.metrics`)."""


@hookspec
def impasto_watchers() -> Sequence[type[Watcher]]:  # type: ignore[empty-body]
    """Return plugins that take part in a run, to be asked for by name, as `impasto run --watch` does."""


@hookspec
def impasto_samples() -> Mapping[str, Callable[[int], Tensor]]:  # type: ignore[empty-body]
    """Return sample pictures by name, each a function from the longer side in pixels to a picture (1, 3, H, W)."""


@hookspec
def impasto_looks() -> Mapping[str, Look]:  # type: ignore[empty-body]
    """Return looks by name: pipelines for a purpose, as `impasto.stage.read_looks` reads them from a file of yours."""


@hookspec
def impasto_readers() -> Mapping[str, Callable[[bytes], npt.NDArray[Any]]]:  # type: ignore[empty-body]
    """Return readers of pictures by suffix, such as ".exr", each a function from a file's bytes to an array.

    One is asked where Impasto has no reader of its own.  It opens no file: what it needs is in the bytes.
    """


@hookspec
def impasto_commands() -> Mapping[str, Callable[[ArgumentParser], Callable[[Namespace], int | None]]]:  # type: ignore[empty-body]
    """Return commands of `impasto` by name, each a function that adds options to a parser and returns what runs it."""


# Call-time hooks: what a run passes through.  A plugin joins only by being passed to that run,
# `pipe(content, style, plugins=[...])`, so that installing something never changes a picture.


@hookspec(firstresult=True)
def impasto_run_stage(stage: Stage, canvas: Canvas) -> Canvas | None:
    """Run one stage: return its canvas, or None to leave it to the next; wrap to time, cache or watch it."""


@hookspec
def impasto_step(stage: Stage, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
    """Look on after a step (1 to `steps`) of an iterative stage: progress bars, previews, loss plots."""
