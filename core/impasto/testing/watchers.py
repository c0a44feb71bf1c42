"""Checks of watchers: plugins that look on at a run, and change nothing about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor

from ..errors import PluginError, StageError
from ..host import get_host
from ..picture import Picture
from ..pipeline import Pipeline, parse_watchers
from ..stage import Postprocessor, Stylizer, Watcher
from .declaration import has_a_summary_and_helpful_parameters, refuses_what_is_out_of_range
from .harness import SEED, picture, require, works

ADVICE = (
    "to look on: canvas = yield, and the same canvas is given back; in impasto_step, nothing changed of what is given"
)


class _Steps(Stylizer, name="kit-steps"):
    """Report three steps."""

    style = "optional"

    def stylize(self, content: Tensor, styles: Any, guides: Tensor | None) -> Tensor:
        image = content
        for step in range(1, 4):
            image = image * 0.9 + 0.02
            self.report(step, 3, image, {"loss": image.mean()})
        return image


class _Break(Postprocessor, name="kit-break"):
    """Break."""

    def refine(self, image: Tensor, content: Tensor, styles: Any) -> Tensor:
        raise StageError("kit-break: breaks")


class _Press(Stylizer, name="kit-press"):
    """Be interrupted behind a step."""

    style = "optional"

    def stylize(self, content: Tensor, styles: Any, guides: Tensor | None) -> Tensor:
        self.report(1, 2, content / 2, {})
        raise KeyboardInterrupt


def _paint(pipe: Pipeline, *watchers: Watcher) -> Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return pipe(picture(16, 24), device="cpu", precision="float32", seed=SEED, plugins=watchers)


def takes_part_in_a_run(watcher: Watcher) -> None:
    """It has `impasto_run_stage` or `impasto_step`, marked as hooks, and a run takes it."""
    advice = "@impasto.hookimpl above def impasto_step(self, step) or impasto_run_stage(self, stage, canvas)"
    with warnings.catch_warnings(), works("a run with the watcher", advice):
        warnings.simplefilter("error", UserWarning)
        try:
            Pipeline(_Steps())(picture(16, 24), device="cpu", plugins=[watcher])
        except UserWarning as warning:
            raise PluginError(str(warning)) from warning


def survives_its_text_form(watcher: Watcher) -> None:
    """It comes back from its own text form, and from the words of `--watch`."""
    kind = type(watcher)
    with works(f"evaluating its text form, {watcher!r},", "leave __repr__ to the base class"):
        written = eval(repr(watcher), {kind.__name__: kind})
    require(written == watcher, f"{watcher!r} evaluates to {written!r}", "leave __repr__ to the base class")
    if get_host().watchers.get(watcher.name) is not kind:
        return
    words = ":".join([watcher.name, *(f"{name}={_word(value)}" for name, value in watcher.values().items())])
    with works(f"reading it from the words {words}", "parameters of type bool, int, float, str, or tuples of these"):
        (back,) = parse_watchers(words)
    require(back == watcher, f"--watch {words} gives {back!r}", "leave __new__ and __init__ to the base class")


def _word(value: Any) -> str:
    """Return a value as the command line takes it."""
    if isinstance(value, tuple):
        return "+".join(map(_word, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"'{value}'" if isinstance(value, str) else repr(value)


def leaves_the_picture_alone(watcher: Watcher) -> None:
    """A picture and the frames of a stream have the same bits with and without it."""
    pipe = Pipeline(_Steps())
    require(
        torch.equal(_paint(pipe).tensor, _watched(pipe, watcher).tensor),
        "the picture is another where it looks on",
        ADVICE,
    )
    frames = [picture(16, 24, variant) for variant in (0.0, 0.5, 1.0)]

    def stream(*watchers: Watcher) -> list[Tensor]:
        return [frame.tensor for frame in pipe.stream(frames, device="cpu", seed=SEED, plugins=watchers)]

    with works("a stream of three frames with the watcher", ADVICE):
        seen = stream(replace(watcher))
    require(all(map(torch.equal, stream(), seen)), "the frames of a stream are others where it looks on", ADVICE)


def _watched(pipe: Pipeline, watcher: Watcher) -> Picture:
    with works("a run with the watcher", ADVICE):
        return _paint(pipe, watcher)


def looks_on_at_several_runs(watcher: Watcher) -> None:
    """One object looks on at picture after picture, of other sizes and stages, as in `impasto run`."""
    with works(
        "a second run with the same watcher", "what belongs to one run made anew in it, or a wrapper's own variables"
    ):
        for pipe in (Pipeline(_Steps()), Pipeline(), Pipeline(_Steps(), _Steps())):
            for size in ((16, 24), (9, 7)):
                pipe(picture(*size), device="cpu", plugins=[watcher])


def lets_errors_through(watcher: Watcher) -> None:
    """A stage that fails says so, an interruption keeps the picture so far, and the next run is watched as ever."""
    advice = "no except around the yield that ends there: raise, or try: … finally: …"
    outcomes: list[tuple[str, Callable[[], Any]]] = [
        ("a stage that fails", lambda: _paint(Pipeline(_Break()), watcher)),
        ("a stage that fails behind one that reports steps", lambda: _paint(Pipeline(_Steps(), _Break()), watcher)),
    ]
    for case, run in outcomes:
        try:
            run()
        except StageError as error:
            require("kit-break: breaks" in str(error), f"{case} is reported as {error}", advice)
        except Exception as error:
            raise AssertionError(
                f"{case} ends in {type(error).__name__}: {error}\n  what would work: {advice}"
            ) from error
        else:
            raise AssertionError(f"{case} goes unnoticed\n  what would work: {advice}")
    try:
        kept = _paint(Pipeline(_Press()), watcher)
    except BaseException as error:
        raise AssertionError(
            f"an interruption gives no picture so far but {type(error).__name__}: {error}\n  what would work: {advice}"
        ) from error
    require(kept.interrupted is not None, "an interruption goes unnoticed", advice)
    _watched(Pipeline(_Steps()), watcher)


def is_offered_by_its_distribution(watcher: Watcher) -> None:
    """An installed distribution offers the watcher under its name."""
    kind = type(watcher)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise SkipTest("defined in a notebook or a function, where no distribution can announce it")
    module = kind.__module__.split(".")[0]
    advice = (
        f"in {module}, an @impasto.hookimpl named impasto_watchers that returns [{kind.__name__}];"
        f' in pyproject.toml, [project.entry-points.impasto] {watcher.name} = "{module}"; then pip install -e .'
    )
    with works(f"looking up {watcher.name!r} among the installed plugins", advice):
        offered = get_host().watcher(watcher.name)
    require(offered is kind, f"another class is offered as {watcher.name!r}: {offered.__qualname__}", advice)


WATCHER_CHECKS = (
    has_a_summary_and_helpful_parameters,
    refuses_what_is_out_of_range,
    survives_its_text_form,
    takes_part_in_a_run,
    leaves_the_picture_alone,
    looks_on_at_several_runs,
    lets_errors_through,
    is_offered_by_its_distribution,
)
"""Every check of watchers, in the order in which they are run."""
