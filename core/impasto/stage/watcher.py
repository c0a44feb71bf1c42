"""Watchers: plugins that take part in a run, with a name and parameters."""

from __future__ import annotations

from typing import ClassVar

from .declared import Declared


class Watcher(Declared):
    """A plugin that takes part in a run, made of declared parameters: it has `impasto_run_stage` or `impasto_step`.

    Example:
        >>> import impasto
        >>> class Steps(impasto.Watcher, name="steps"):
        ...     '''Print each step.'''
        ...     @impasto.hookimpl
        ...     def impasto_step(self, stage, step, steps):
        ...         print(stage.name, step, "of", steps)
        >>> Steps()
        Steps()
    """

    kind: ClassVar[str] = "watcher"
