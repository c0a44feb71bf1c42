"""Progress bars for iterative stages."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from torch import Tensor
from tqdm import tqdm

from ..host import hookimpl
from ..stage import Canvas, Stage


class ProgressBar:
    """Show a bar with the loss for each iterative stage of a run; pass it to that run.

    Args:
        shown: False draws nothing, as when standard error is a file.
        every: steps between two readings of the loss, since reading it waits for a GPU.

    Example:
        >>> import impasto
        >>> from impasto.pipeline import ProgressBar
        >>> impasto.Pipeline()(impasto.samples.content("astronaut", 64), plugins=[ProgressBar()]).size
        (64, 64)
    """

    def __init__(self, shown: bool = True, every: int = 10) -> None:
        self.shown, self.every = shown, every
        self._bar: tqdm | None = None

    @hookimpl(wrapper=True)
    def impasto_run_stage(self) -> Generator[None, Canvas, Canvas]:
        """Take the bar away when its stage ends, in whatever way."""
        try:
            return (yield)
        finally:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    @hookimpl
    def impasto_step(self, stage: Stage, step: int, steps: int, losses: Mapping[str, Tensor]) -> None:
        """Move the bar on."""
        if self._bar is None:
            self._bar = tqdm(total=steps, desc=stage.name, unit="step", leave=False, disable=not self.shown)
        self._bar.update(step - self._bar.n)
        if self.shown and losses and (step % self.every == 0 or step == steps):
            self._bar.set_postfix_str(f"loss {float(sum(losses.values())):.4g}")
