"""Adam over the levels of a Laplacian pyramid of the picture, so that large areas move as fast as fine lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional.resizing import Size, size_of


@dataclass
class PyramidAdam:
    """Adam (Kingma and Ba 2015) whose variables are the levels of a Laplacian pyramid, which sum to the picture.

    The picture itself is kept, not the pyramid: a step adds to it what the steps of all levels sum to.

    Args:
        rate: step size of each level, in units of the full range of a pixel.
        levels: at most so many, each half as large as the one before.
        decay: of the two moments.
        count: steps taken.
        moments: of the gradient and of its square, by level.

    Example:
        >>> image, target = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5)
        >>> optimiser = PyramidAdam(rate=0.02)
        >>> for _ in range(60):
        ...     image = optimiser.step(image, image - target)
        >>> torch.allclose(image, target, atol=0.05)
        True
    """

    rate: float
    levels: int = 8
    decay: tuple[float, float] = (0.9, 0.99)
    count: int = 0
    moments: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Return the next picture."""
        gradients = [gradient]
        while len(gradients) < self.levels and min(size_of(gradients[-1])) >= SMALLEST:
            height, width = size_of(gradients[-1])
            half = ((height + 1) // 2, (width + 1) // 2)
            # A sum over what a value of the coarser level reaches, that is four times the mean.
            gradients.append(4 * F.interpolate(gradients[-1], half, mode="bilinear", antialias=True))
        if not self.moments:
            self.moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one in gradients]
        self.count += 1
        a, b = self.decay
        moments, changes = [], []
        for one, (first, second) in zip(gradients, self.moments, strict=True):
            first, second = first.lerp(one, 1 - a), second.lerp(one.square(), 1 - b)
            moments.append((first, second))
            scale = (second / (1 - b**self.count)).sqrt()
            changes.append(first / (1 - a**self.count) / (scale + 1e-12))
        self.moments = moments
        total = changes.pop()
        while changes:
            finer = changes.pop()
            total = finer + F.interpolate(total, size_of(finer), mode="bilinear")
        return image - self.rate * total

    def resized(self, size: Size) -> PyramidAdam:
        """Return a fresh optimiser: the targets of another size are others."""
        return PyramidAdam(self.rate, self.levels, self.decay)

    def state(self) -> dict[str, Any]:
        """Return count and moments."""
        return {"count": self.count, "moments": self.moments}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take back count and moments."""
        self.count = state["count"]
        self.moments = [(first.to(device), second.to(device)) for first, second in state["moments"]]


SMALLEST = 4
"""Pixels of the shorter side below which no coarser level is made."""
