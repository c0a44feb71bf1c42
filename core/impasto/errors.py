"""The errors that Impasto raises: each says what was asked, what was found and what would work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ParameterError(ValueError):
    """A parameter of a stage or trainer has a value it cannot take."""


class StageError(RuntimeError):
    """A stage failed, or gave back something that is not what its kind promises."""


class PictureError(ValueError):
    """A picture that cannot be read or written as asked; the message says what to do instead."""


class FrameError(StageError):
    """A frame of a stream could not be read, painted or written; the message names it."""


class PluginError(Exception):
    """A plugin does not keep to the hooks; the message says what to change in it."""


def suggestion(asked: str, names: Iterable[str]) -> str:
    """Return a line that proposes the nearest name, or nothing if none is near."""
    near = difflib.get_close_matches(asked, list(names), n=1)
    return f"\n  did you mean {near[0]!r}?" if near else ""


class WeightsError(RuntimeError):
    """Weights that cannot be found, verified or opened; the message says what to do."""
