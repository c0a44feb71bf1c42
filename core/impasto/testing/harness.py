"""Pictures to check stages with, and runs that are watched."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor

from ..device import Precision
from ..host import hookimpl
from ..networks import small_tiles
from ..pipeline import Pipeline
from ..stage import Canvas, Stage
from ..weights import Weights, needed_weights
from .process_state import GENERATOR, Change, recorded_changes

SEED = 1889
ODD_SIZE = 37, 53
"""Rows and columns of most of the kit's pictures."""


def picture(height: int, width: int, variant: float = 0.0) -> Tensor:
    """Return a test picture (1, 3, H, W): gradients, stripes, a disc; variants go from 0, dark, to 1, bright.

    Args:
        height: in pixels.
        width: in pixels.
        variant: 0 is dark, 1 bright.

    Example:
        >>> picture(32, 48).shape
        torch.Size([1, 3, 32, 48])
    """
    # Whatever torch makes by default, and where: a stage is not to blame for that.
    y = torch.linspace(0, 1, height, dtype=torch.float32, device="cpu")[:, None]
    x = torch.linspace(0, 1, width, dtype=torch.float32, device="cpu")[None]
    stripes = 0.5 + 0.5 * torch.sin(25 * ((1 - variant) * x + variant * y) + 9 * variant * x)
    disc = ((x - 0.5 + 0.2 * variant).square() + (y - 0.4).square() < 0.08).float()
    red = (1 - variant) * x + variant * (1 - y)
    green = 0.7 * stripes + 0.3 * y
    blue = 0.8 * disc + 0.2 * (1 - variant) * y + 0.2 * variant * x
    # Pictures of a batch differ much in brightness, so that statistics taken over the batch show.
    return (0.3 + 0.7 * variant) * torch.stack([red.expand_as(disc), green, blue])[None].clamp(0, 1)


@dataclass
class Inputs:
    """What a stage is run on, kept apart so that a change to it can be seen."""

    content: Tensor
    style: Tensor | None
    mask: Tensor | None = None

    def with_mask(self) -> Inputs:
        """Return the inputs with a mask that is 0 on the left, 1 on the right, and soft between."""
        height, width = self.content.shape[-2:]
        across = torch.linspace(-1, 2, width, dtype=torch.float32, device="cpu").clamp(0, 1)
        return replace(self, mask=across.expand(1, 1, height, width).clone())

    @classmethod
    def of_odd_size(cls, stage: Stage, *variants: float) -> Inputs:
        """Return a batch of odd-sized contents, one for each variant, and a style of another size."""
        smallest = getattr(stage, "smallest", 1)
        height, width = (max(side, smallest | 1) for side in ODD_SIZE)
        content = torch.cat([picture(height, width, variant) for variant in variants])
        return cls(content, picture(max(48, smallest), max(40, smallest), 0.7))


@dataclass
class Observation:
    """What was seen of one run of a stage: the canvas before and after it, and what it did to the process."""

    before: Canvas
    after: Canvas
    random: bool
    """Whether the stage drew random numbers, from the run's generator or another."""
    steps: int
    """How many steps an iterative stage reported."""
    changes: list[Change]
    """What the stage left otherwise in the process."""
    needed: list[Weights]
    """Records of the networks that it asked for."""
    tiled: bool
    """Whether it paints large pictures in the host's tiles."""

    @property
    def image(self) -> Tensor:
        """The picture, (B, 3, H, W)."""
        return self.after.image.detach()


@dataclass
class _Observer:
    steps: int = 0
    observations: list[Observation] = field(default_factory=list)

    @hookimpl(wrapper=True)
    def impasto_run_stage(self, stage: Stage, canvas: Canvas) -> Iterator[None]:
        generator = stage.generator(canvas.image.device)
        assert generator is not None  # since the run has a seed
        numbers = generator.get_state()
        with recorded_changes() as changes, needed_weights() as needed, small_tiles(None) as tiles:
            result: Canvas = yield  # type: ignore[assignment]
        drew = not torch.equal(numbers, generator.get_state()) or any(
            change.setting.advice == GENERATOR for change in changes
        )
        self.observations.append(Observation(canvas, result, drew, self.steps, changes, needed, tiles.asked))
        return result  # type: ignore[return-value]

    @hookimpl
    def impasto_step(self) -> None:
        self.steps += 1


_before: ContextVar[tuple[Stage, ...]] = ContextVar("before", default=())


def preceding_stages() -> tuple[Stage, ...]:
    """Return the stages that run before the one that is checked."""
    return _before.get()


@contextmanager
def behind(before: Sequence[Stage]) -> Iterator[None]:
    """Have every stage that is observed inside the block run behind others, which make what it needs."""
    token = _before.set(tuple(before))
    try:
        yield
    finally:
        _before.reset(token)


def observe(stage: Stage, inputs: Inputs, *, device: str = "cpu", precision: Precision = "float32") -> Observation:
    """Run a stage on copies of the inputs and return what was seen."""
    observer = _Observer()
    content, style, mask = (None if one is None else one.clone() for one in (inputs.content, inputs.style, inputs.mask))
    pipe = Pipeline(*_before.get(), stage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what a stage has to say about the kit's odd pictures
        pipe(content, style, mask=mask, device=device, precision=precision, seed=SEED, plugins=[observer])
    seen = observer.observations[len(_before.get()) :: len(_before.get()) + 1]
    return seen[0] if len(seen) == 1 else _joined(seen)


def _joined(seen: Sequence[Observation]) -> Observation:
    """Return one observation of pictures that a stateful stage was given one by one."""

    def canvas(canvases: Sequence[Canvas]) -> Canvas:
        parts = {
            name: [getattr(one, name) for one in canvases] for name in ("content", "image", "mask", "guides", "alpha")
        }
        return canvases[0].replace(**{name: torch.cat(maps) for name, maps in parts.items() if maps[0] is not None})

    before, after = canvas([one.before for one in seen]), canvas([one.after for one in seen])
    changes = [change for one in seen for change in one.changes]
    needed = [record for one in seen for record in one.needed]
    return Observation(before, after, any(one.random for one in seen), seen[-1].steps, changes, needed, seen[0].tiled)


def paint(stage: Stage, inputs: Inputs, *, device: str = "cpu") -> Tensor:
    """Return the picture that a stage makes of copies of the inputs; unlike `observe`, several threads may do so."""
    content, style, mask = (None if one is None else one.clone() for one in (inputs.content, inputs.style, inputs.mask))
    pipe = Pipeline(*_before.get(), stage)
    return pipe(content, style, mask=mask, device=device, precision="float32", seed=SEED).tensor


@lru_cache(maxsize=8)
def _observed(
    before: tuple[Stage, ...], stage: Stage, variants: tuple[float, ...], times: int
) -> Observation | Exception:
    try:
        return observe(stage, Inputs.of_odd_size(stage, *variants))
    except Exception as error:  # kept for the check that reports it
        return error


def first_observation(stage: Stage) -> Observation | Exception:
    """Return what was seen of a stage on a batch of two, or why it failed; run once for all checks."""
    return _observed(_before.get(), stage, (0.0, 1.0), 1)


def baseline(stage: Stage) -> Observation:
    """Return the first observation; a stage that fails is reported by one check, and the others are skipped."""
    seen = first_observation(stage)
    if isinstance(seen, Exception):
        raise SkipTest("waits for 'keeps shape dtype and range'")
    return seen


def observation(stage: Stage, *variants: float, times: int = 1) -> Observation:
    """Return what was seen of a stage on test pictures; run once for all checks, or so many times."""
    seen = _observed(_before.get(), stage, variants, times)
    if isinstance(seen, Exception):
        raise seen
    return seen


def repetition(stage: Stage) -> Observation:
    """Return what was seen of a second run that is like the first."""
    return observation(stage, 0.0, 1.0, times=2)


def repeatable_baseline(stage: Stage) -> Observation:
    """Return the first observation; what cannot be compared with a run that differs by itself is skipped."""
    first = baseline(stage)
    if not torch.equal(first.image, repetition(stage).image):
        raise SkipTest("waits for 'repeats itself under one seed'")
    return first


def forget_observations() -> None:
    """Run stages anew: in a notebook the same class may have changed what it does."""
    _observed.cache_clear()


@contextmanager
def works(task: str, advice: str) -> Iterator[None]:
    """Turn any error inside the block into a failed check that says what would work."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{task} fails\n  {error}\n  what would work: {advice}") from error


def require(kept: Any, fault: str, advice: str) -> None:
    """Fail the check, with what was found and what would work, unless the promise is kept."""
    if not kept:
        raise AssertionError(f"{fault}\n  what would work: {advice}")


def mean_difference(one: Tensor, other: Tensor) -> float:
    """Return the mean absolute difference of two pictures."""
    return float((one.cpu().float() - other.cpu().float()).abs().mean().detach())
