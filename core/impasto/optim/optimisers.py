"""Optimisers of pictures: Adam and L-BFGS, whose state can be saved and resized, and the average of their iterates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional.resizing import Size, resample


class Optimiser(Protocol):
    """What moves a picture down a gradient; its state is tensors and numbers that can be saved and resized.

    Example:
        >>> from impasto.optim import LBFGS
        >>> optimiser: Optimiser = LBFGS()
    """

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture, before it is clamped."""

    def resized(self, size: Size) -> Optimiser:
        """Return the optimiser that goes on at another size (height, width)."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back what `state` returned."""


@dataclass
class Adam:
    """Adam (Kingma and Ba 2015), whose moments are interpolated from level to level of a pyramid.

    Args:
        rate: step size, in units of the full range of a pixel.
        decay: of the two moments; the second is shorter than usual, as pictures take hundreds of steps.
        count: steps taken.
        first: moment of the gradient, (B, 3, H, W).
        second: moment of its square.

    Example:
        >>> image, target = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
        >>> optimiser = Adam(rate=0.05)
        >>> for _ in range(60):
        ...     image = optimiser.step(image, image - target)
        >>> torch.allclose(image, target, atol=0.02)
        True
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
        return Adam(self.rate, self.decay, self.count, resample(self.first, size), second)

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

    Unlike `torch.optim.LBFGS` with its step of 1, the pairs hold the step that clamping to [0, 1] left, the length
    of a step is bounded, and pairs of negative curvature are skipped by arithmetic, without asking the device.

    Args:
        rate: step size, of the quasi-Newton step.
        history: how many pairs of steps and changes of the gradient approximate the curvature.
        longest: bound of a step, the root mean square of its change of pixels in [0, 1].
        pairs: step, change of the gradient and the inverse of their product, oldest first.
        last: the last picture and its gradient.

    Example:
        >>> import torch
        >>> optimiser, image = LBFGS(), torch.zeros(1, 3, 2, 2)
        >>> for _ in range(40):  # towards white, whose squared distance has this gradient
        ...     image = optimiser.step(image, image - 1).clamp(0, 1)
        >>> image.mean().item() > 0.99
        True
    """

    rate: float = 1.0
    history: int = 10
    longest: float = 0.05
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    last: tuple[Tensor, Tensor] | None = None

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""
        if self.last is not None:
            step, change = image - self.last[0], gradient - self.last[1]
            curvature = (step * change).sum()
            inverse = torch.where(curvature > 1e-10, 1 / curvature, torch.zeros_like(curvature))
            self.pairs = [*self.pairs, (step, change, inverse)][-self.history :]
        self.last = (image, gradient)
        direction = gradient.clone()
        alphas = []
        for step, change, inverse in reversed(self.pairs):
            alpha = inverse * (step * direction).sum()
            alphas.append(alpha)
            direction.sub_(alpha * change)
        if self.pairs:
            step, change, inverse = self.pairs[-1]
            scale = (step * change).sum() / change.square().sum().clamp_min(1e-20)
            direction.mul_(torch.where(inverse > 0, scale, torch.ones_like(scale)))
        for (step, change, inverse), alpha in zip(self.pairs, reversed(alphas), strict=True):
            direction.add_(step * (alpha - inverse * (change * direction).sum()))
        length = direction.square().mean().sqrt().clamp_min(1e-20)
        # The first step has no curvature to scale it.
        longest = self.longest if self.pairs else self.longest / 5
        return image - direction * (longest / length).clamp_max(self.rate)

    def resized(self, size: Size) -> LBFGS:
        """Return a fresh optimiser: curvature at one resolution says little about another."""
        return LBFGS(self.rate, self.history, self.longest)

    def state(self) -> dict[str, Any]:
        """Return the pairs, the last picture and its gradient."""
        return {"pairs": self.pairs, "last": self.last}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back the pairs, the last picture and its gradient."""

        def on_device(group: tuple[Tensor, ...]) -> Any:
            return tuple(tensor.to(device) for tensor in group)

        self.pairs = [on_device(pair) for pair in state["pairs"]]
        self.last = None if state["last"] is None else on_device(state["last"])


@dataclass
class Average:
    """Exponential moving average of the iterates, without bias to the first (Kingma and Ba 2015, section 3).

    Args:
        decay: of the average; 0 keeps the last iterate.
        value: the average, (B, 3, H, W).
        share: weight of the iterates so far, which tends to 1.

    Example:
        >>> average = Average(0.5, torch.zeros(1))
        >>> [average.update(torch.full((1,), value)).item() for value in (3.0, 6.0)]
        [3.0, 5.0]
    """

    decay: float
    value: Tensor
    share: float = 0.0

    def update(self, image: Tensor) -> Tensor:
        """Add an iterate and return the average."""
        self.share = self.decay * self.share + (1 - self.decay)
        self.value = self.value.lerp(image, (1 - self.decay) / self.share)
        return self.value
