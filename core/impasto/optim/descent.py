"""Minimising a loss over the pixels of a picture: coarse to fine, averaged, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..functional.resizing import Size, resize
from .optimisers import Average, Optimiser

Objective = Callable[[Tensor], dict[str, Tensor]]
"""Losses by name, already weighted, of a picture (1, 3, H, W)."""


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


@dataclass
class Descent:
    """How far a run has come: its state can be saved in the middle of a level, and restored.

    Args:
        image: (1, 3, H, W), the present iterate, sRGB in [0, 1].
        optimiser: moves it, and is resized from level to level.
        average: of the iterates of this level.
        level: of the pyramid, 0 the coarsest.
        step: steps taken at this level.
        level_rng: the random generators' states at the level's start.
        rng: their present states.
        generator: what the losses draw their random numbers from, on the picture's device; None: torch's own.
        whole: False in the middle of a step, when image, optimiser and average do not belong together.

    Example:
        >>> import torch
        >>> from impasto.optim import LBFGS, Average
        >>> image = torch.rand(1, 3, 8, 8)
        >>> Descent(image, LBFGS(), Average(0.99, image)).step
        0
    """

    image: Tensor
    optimiser: Optimiser
    average: Average
    level: int = 0
    step: int = 0
    level_rng: Mapping[str, Tensor] = field(default_factory=dict)
    rng: Mapping[str, Tensor] = field(default_factory=dict)
    generator: torch.Generator | None = None
    whole: bool = True

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


def random_state(device: torch.device, generator: torch.Generator | None = None) -> dict[str, Tensor]:
    """Return the states of the generators that a run on a device draws from, by type of device."""
    if generator is not None:
        return {generator.device.type: generator.get_state()}
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(
    state: Mapping[str, Tensor], device: torch.device, generator: torch.Generator | None = None
) -> None:
    """Set those generators; one that the saved run did not have is left."""
    if generator is not None:
        if generator.device.type in state:
            generator.set_state(state[generator.device.type].cpu())
        return
    if "cpu" in state:
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

    Returns:
        (1, 3, H, W), sRGB in [0, 1], of the last size.

    Example:
        >>> from impasto.optim import LBFGS
        >>> start = torch.zeros(1, 3, 8, 8)
        >>> run = Descent(start, LBFGS(), Average(0.0, start))
        >>> def distance(image):
        ...     return {"distance from grey": (image - 0.5).square().mean()}
        >>> picture = descend(run, [(8, 8)], 40, lambda size: distance, lambda run, losses: None)
        >>> torch.allclose(picture, torch.full_like(picture, 0.5), atol=0.01)
        True
    """
    device = run.image.device
    for level in range(run.level, len(sizes)):
        if level > run.level:
            run.whole = False
            run.image = resize(run.average.value, sizes[level])
            run.optimiser = run.optimiser.resized(sizes[level])
            run.average = Average(run.average.decay, run.image)
            run.level, run.step = level, 0
            run.whole = True
        if run.step:  # resumed inside a level: its targets are drawn as they were at its start
            set_random_state(run.level_rng, device, run.generator)
        else:
            run.level_rng = random_state(device, run.generator)
        objective = objective_at(sizes[level])
        if run.step:
            set_random_state(run.rng, device, run.generator)
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
            run.rng = random_state(device, run.generator)
            run.whole = True
            after(run, losses)
    return run.average.value
