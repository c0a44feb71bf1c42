"""Watchers: plugins that take part in a run, with a name and parameters."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any, ClassVar

from .declared import Declared


class Watcher(Declared):
    """A plugin that takes part in a run, made of declared parameters: it has `impasto_run_stage` or `impasto_step`.

    Parameters are as fixed as a stage's.  What else it keeps, such as counts or an open file, is in attributes of its
    own, made in `__post_init__`.

    Example:
        >>> import impasto
        >>> class Steps(impasto.Watcher, name="steps"):
        ...     '''Print every so many steps.'''
        ...     every: int = impasto.param(default=1, low=1, high=1000, help="steps between two lines")
        ...     def __post_init__(self):
        ...         self.seen = 0
        ...     @impasto.hookimpl
        ...     def impasto_step(self, stage, step, steps):
        ...         self.seen += 1
        ...         if self.seen % self.every == 0:
        ...             print(stage.name, step, "of", steps)
        >>> Steps(every=10)
        Steps(every=10)
    """

    kind: ClassVar[str] = "watcher"

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.__setattr__ = _set  # type: ignore[method-assign, assignment]


def _set(self: Watcher, name: str, value: Any) -> None:
    """Set an attribute that is no parameter."""
    if name in self.parameters():
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)
