"""Minimising a loss over the pixels of a picture: L-BFGS and Adam, coarse to fine, averaged, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
Objective = Callable[[Tensor], dict[str, Tensor]]
"""Losses by name, already weighted, of a picture (1, 3, H, W)."""


def resize(image: Tensor, size: Size) -> Tensor:
    """Return (B, C, H, W) at another size: antialiased on the way down, bicubic on the way up."""
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size, mode="bicubic", align_corners=False, antialias=True)


def pyramid(height: int, width: int, coarsest: int, smallest: int = 32) -> list[Size]:
    """Return sizes from coarse to fine in steps of √2; the last is the given one.

    Args:
        height: of the finest level, in pixels.
        width: likewise.
        coarsest: no level's longer side is shorter than this, the finest excepted.
        smallest: likewise for the shorter side, of which five blocks of an encoder must leave something.

    Example:
        >>> pyramid(384, 512, 128)
        [(96, 128), (136, 181), (192, 256), (272, 362), (384, 512)]
    """
    room = min(max(height, width) / coarsest, min(height, width) / smallest)
    levels = max(0, math.floor(2 * math.log2(room) + 1e-6))
    scales = [2 ** (-level / 2) for level in range(levels, -1, -1)]
    return [(max(1, round(height * scale)), max(1, round(width * scale))) for scale in scales]


# ------------------------------------------------------------------------------------------------ optimisers


class Optimiser(Protocol):
    """Moves a picture down a gradient; its state is tensors and numbers that can be saved and resized."""

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture, before it is clamped."""

    def resized(self, size: Size) -> Optimiser:
        """Return the optimiser that goes on at another size."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back what `state` returned."""


@dataclass
class Adam:
    """Adam (Kingma and Ba 2015), whose moments go along from level to level.

    Args:
        rate: step size, in units of the full range of a pixel.
        decay: of the two moments; the second is shorter than usual, as pictures take hundreds of steps.
    """

    rate: float
    decay: tuple[float, float] = (0.9, 0.99)
    count: int = 0
    first: Tensor | None = None
    second: Tensor | None = None

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self.count += 1
        a, b = self.decay
        self.first = self.first.lerp(gradient, 1 - a)
        self.second = self.second.lerp(gradient.square(), 1 - b)
        mean = self.first / (1 - a**self.count)
        scale = (self.second / (1 - b**self.count)).sqrt()
        return image - self.rate * mean / (scale + 1e-12)

    def resized(self, size: Size) -> Adam:
        """Return the optimiser with both moments interpolated."""
        if self.first is None or self.second is None:
            return Adam(self.rate, self.decay)
        # Bilinear, for the second moment must not ring below zero.
        second = F.interpolate(self.second, size, mode="bilinear")
        return Adam(self.rate, self.decay, self.count, resize(self.first, size), second)

    def state(self) -> dict[str, Any]:
        """Return count and moments."""
        return {"count": self.count, "first": self.first, "second": self.second}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back count and moments."""
        self.count = state["count"]
        self.first, self.second = (None if state[key] is None else state[key].to(device) for key in ("first", "second"))


@dataclass
class LBFGS:
    """Limited-memory BFGS without a line search (Nocedal 1980), one gradient a step and no synchronisation.

    Against `torch.optim.LBFGS` with its step of 1: the pairs hold the step that clamping to [0, 1] left,
    a step never changes pixels by more than `reach` (root mean square), and pairs of negative curvature are
    passed over by arithmetic, not by asking the device.
    """

    rate: float = 1.0
    history: int = 10
    reach: float = 0.05
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    last: tuple[Tensor, Tensor] | None = None

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""
        if self.last is not None:
            moved, turned = image - self.last[0], gradient - self.last[1]
            curvature = (moved * turned).sum()
            inverse = torch.where(curvature > 1e-10, 1 / curvature, torch.zeros_like(curvature))
            self.pairs = [*self.pairs, (moved, turned, inverse)][-self.history :]
        self.last = (image, gradient)
        direction = gradient.clone()
        shares = []
        for moved, turned, inverse in reversed(self.pairs):
            share = inverse * (moved * direction).sum()
            shares.append(share)
            direction.sub_(share * turned)
        if self.pairs:
            moved, turned, inverse = self.pairs[-1]
            scale = (moved * turned).sum() / turned.square().sum().clamp_min(1e-20)
            direction.mul_(torch.where(inverse > 0, scale, torch.ones_like(scale)))
        for (moved, turned, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            direction.add_(moved * (share - inverse * (turned * direction).sum()))
        length = direction.square().mean().sqrt().clamp_min(1e-20)
        # The first step has no curvature to scale it.
        reach = self.reach if self.pairs else self.reach / 5
        return image - direction * (reach / length).clamp_max(self.rate)

    def resized(self, size: Size) -> LBFGS:
        """Return a fresh optimiser: curvature at one resolution says little about another."""
        return LBFGS(self.rate, self.history, self.reach)

    def state(self) -> dict[str, Any]:
        """Return the pairs, the last picture and its gradient."""
        return {"pairs": self.pairs, "last": self.last}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back the pairs, the last picture and its gradient."""

        def placed(group: tuple[Tensor, ...]) -> Any:
            return tuple(tensor.to(device) for tensor in group)

        self.pairs = [placed(pair) for pair in state["pairs"]]
        self.last = None if state["last"] is None else placed(state["last"])


@dataclass
class Average:
    """Exponential moving average of the iterates, without bias to the first; decay 0 keeps the last."""

    decay: float
    value: Tensor
    share: float = 0.0

    def update(self, image: Tensor) -> Tensor:
        """Take in a picture and return the average."""
        self.share = self.decay * self.share + (1 - self.decay)
        self.value = self.value.lerp(image, (1 - self.decay) / self.share)
        return self.value


# ----------------------------------------------------------------------------------------------- the descent


@dataclass
class Descent:
    """How far a run has come: level, step of that level, picture, optimiser, average, random numbers."""

    image: Tensor
    optimiser: Optimiser
    average: Average
    level: int = 0
    step: int = 0
    level_rng: Mapping[str, Tensor] = field(default_factory=dict)
    rng: Mapping[str, Tensor] = field(default_factory=dict)
    whole: bool = True
    """False in the middle of a step, when the parts do not fit each other."""

    def state(self) -> dict[str, Any]:
        """Return everything as tensors and plain values."""
        return {
            "image": self.image,
            "optimiser": self.optimiser.state(),
            "average": (self.average.value, self.average.share),
            "level": self.level,
            "step": self.step,
            "level_rng": dict(self.level_rng),
            "rng": dict(self.rng),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned, the random numbers of the level's start included."""
        device = self.image.device
        self.image = state["image"].to(device)
        self.optimiser.restore(state["optimiser"], device)
        self.average.value, self.average.share = state["average"][0].to(device), state["average"][1]
        self.level, self.step = state["level"], state["step"]
        self.level_rng, self.rng = state["level_rng"], state["rng"]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of the global generators a run draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Set the global generators; one that the saved run did not have is left."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def descend(
    run: Descent,
    sizes: list[Size],
    steps: int,
    objective_at: Callable[[Size], Objective],
    after: Callable[[Descent, dict[str, Tensor]], None],
) -> Tensor:
    """Take `steps` steps at every level and return the average of the last level's iterates.

    Args:
        run: where to start, which is updated in place.
        sizes: of the levels, coarse to fine.
        steps: at each level.
        objective_at: makes the loss for a level, measuring its targets once.
        after: called after each step with the run and the losses of the picture before it.
    """
    device = run.image.device
    for level in range(run.level, len(sizes)):
        if level > run.level:
            run.whole = False
            run.image = resize(run.average.value, sizes[level]).clamp(0, 1)
            run.optimiser = run.optimiser.resized(sizes[level])
            run.average = Average(run.average.decay, run.image)
            run.level, run.step = level, 0
            run.whole = True
        if run.step:  # resumed inside a level: its targets are drawn as they were at its start
            set_random_state(run.level_rng, device)
        else:
            run.level_rng = random_state(device)
        objective = objective_at(sizes[level])
        if run.step:
            set_random_state(run.rng, device)
        pixels = sizes[level][0] * sizes[level][1]
        while run.step < steps:
            with torch.enable_grad():
                image = run.image.detach().requires_grad_()
                losses = objective(image)
                (gradient,) = torch.autograd.grad(torch.stack(list(losses.values())).sum(), image)
            run.whole = False
            # Losses are means over positions; per pixel, the slope is then the same at every size.
            run.image = run.optimiser.step(run.image, gradient * pixels).clamp(0, 1)
            run.average.update(run.image)
            run.step += 1
            run.rng = random_state(device)
            run.whole = True
            after(run, losses)
    return run.average.value
