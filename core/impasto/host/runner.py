"""Running stages through the call-time hooks of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ..errors import PluginError
from ..stage import Canvas, Stage
from . import hookspecs
from .plugins import manager, register


class _Default:
    """Runs a stage when no plugin of the run has done so."""

    @hookspecs.hookimpl(trylast=True)
    def impasto_run_stage(self, stage: Stage, canvas: Canvas) -> Canvas:
        return stage.apply(canvas)


class Runner:
    """Runs stages through the call-time hooks of the plugins passed to one run."""

    def __init__(self, plugins: Iterable[Any] = ()) -> None:
        self._manager = manager()
        self._manager.register(_Default())
        for plugin in plugins:
            name = getattr(plugin, "__name__", type(plugin).__name__)
            register(self._manager, plugin, name)

    def run(self, stage: Stage, canvas: Canvas) -> Canvas:
        """Return the canvas that a stage makes of another one."""
        result = self._manager.hook.impasto_run_stage(stage=stage, canvas=canvas)
        if not isinstance(result, Canvas):
            raise PluginError(f"impasto_run_stage gave back {type(result).__name__} for {stage.name}, not a canvas")
        return result

    def watch(self, stage: Stage, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Tell the plugins of a step of an iterative stage."""
        self._manager.hook.impasto_step(stage=stage, step=step, steps=steps, image=image, losses=losses)
