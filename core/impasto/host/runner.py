"""Stages run through the call-time hooks of a run's plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ..errors import PluginError
from ..stage import Canvas, Stage
from . import hookspecs
from .manager import plugin_manager, register_watcher


class _Default:
    """Runs a stage when no plugin of the run has done so."""

    @hookspecs.hookimpl(trylast=True)
    def impasto_run_stage(self, stage: Stage, canvas: Canvas) -> Canvas:
        return stage.apply(canvas)


class StageRunner:
    """Run stages through the call-time hooks of the plugins that were passed to one run.

    Args:
        plugins: objects with `impasto_run_stage` or `impasto_step`.

    Raises:
        PluginError: a plugin that takes no part in a run, a misspelt hook, or one plugin twice.
    """

    def __init__(self, plugins: Iterable[Any] = ()) -> None:
        self._manager = plugin_manager()
        self._manager.register(_Default())
        for plugin in plugins:
            register_watcher(self._manager, plugin)

    def run_stage(self, stage: Stage, canvas: Canvas) -> Canvas:
        """Return the canvas that a stage makes of another one.

        Raises:
            PluginError: a plugin's `impasto_run_stage` returns something that is not a canvas.
        """
        result = self._manager.hook.impasto_run_stage(stage=stage, canvas=canvas)
        if not isinstance(result, Canvas):
            raise PluginError(
                f"impasto_run_stage: a plugin gave back {type(result).__name__} for {stage.name}, not a canvas\n"
                "  what to type: return canvas.replace(image=…), or None to leave the stage to the next"
            )
        return result

    def watch(self, stage: Stage, step: int, steps: int, image: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Call the plugins' `impasto_step` after a step of an iterative stage."""
        self._manager.hook.impasto_step(stage=stage, step=step, steps=steps, image=image, losses=losses)
