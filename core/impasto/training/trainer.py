"""What a training is made of: the trainer with its parameters, and its task."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..errors import PluginError
from ..stage import Declared


class Task(ABC):
    """What is trained: its networks, optimisers, batches and losses.  `train` does the rest.

    Example:
        >>> class Line(Task):
        ...     def __init__(self):
        ...         self.networks = {"line": nn.Linear(1, 1)}
        ...         self.optimisers = {"line": torch.optim.Adam(self.networks["line"].parameters(), 1e-2)}
        ...     def batch(self, rng):
        ...         return torch.rand(16, 1, generator=rng)
        ...     def losses(self, networks, batch, rng):
        ...         yield "line", {"error": (networks["line"](batch) - 2 * batch).square().mean()}
        ...     def export(self, networks, folder):
        ...         return []
        >>> task = Line()
        >>> [name for name, _ in task.losses(task.networks, task.batch(torch.Generator()), torch.Generator())]
        ['line']
    """

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    decay: float = 0.3
    """Share of the steps, at the end, over which the learning rate falls to zero."""

    made_by: Trainer | None = None
    """The trainer that returned this task, set by the trainer itself: by it a checkpoint knows its training again."""

    @abstractmethod
    def batch(self, rng: torch.Generator) -> Any:
        """Return one batch, made of nothing but the draws of `rng`, so that a resumed run sees the same ones."""

    @abstractmethod
    def losses(
        self, networks: Mapping[str, nn.Module], batch: Any, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield (optimiser, losses by name) for each update of this step; the sum of the losses is minimised."""

    @abstractmethod
    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the networks as they ship and return the files."""

    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor | None:
        """Return a picture (1, 3, H, W) that shows how far the training is, or None."""
        return None

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs beyond networks and optimisers, as tensors and plain values."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""


def _signed(method: Callable[..., Task]) -> Callable[..., Task]:
    """Return the method of a trainer that makes a task, which then says by whom it was made."""

    @functools.wraps(method)
    def task(self: Trainer, *args: Any, **more: Any) -> Task:
        made = method(self, *args, **more)
        made.made_by = self
        return made

    return task


class Trainer(Declared):
    """A training that `impasto train NAME` can run: declared parameters, and the task they describe.

    Example:
        >>> import impasto
        >>> class MosaicTrainer(Trainer, name="mosaic"):
        ...     '''Teach a network to lay mosaics.'''
        ...     width: int = impasto.param(default=16, low=4, high=64, help="channels of the narrowest layer")
        >>> MosaicTrainer(width=8)
        MosaicTrainer(width=8)
    """

    steps: ClassVar[int] = 10_000
    """How many steps the shipped networks were trained for."""
    precision: ClassVar[str] = "no"
    """`accelerate`'s mixed precision that suits it: "no", "bf16" or "fp16"."""
    average: ClassVar[float] = 0.999
    """Decay of the moving average of the weights; a short training needs a shorter memory."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "task" in vars(cls):
            setattr(cls, "task", _signed(vars(cls)["task"]))  # noqa: B010 - mypy takes no other way

    def task(self, device: torch.device, seed: int = 0) -> Task:
        """Return the task: networks, optimisers, batches and losses; `seed` decides how networks start."""
        raise PluginError(
            f"{self.name}: {type(self).__name__} has no method task\n"
            "  what to type: def task(self, device, seed=0): ..., which returns an impasto.training.Task"
        )
