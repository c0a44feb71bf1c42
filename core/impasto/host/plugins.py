"""The plugin manager: hooks, and what is wrong with a plugin."""

from __future__ import annotations

from typing import Any

import pluggy

from ..errors import PluginError, suggestion
from . import hookspecs


def manager() -> _Manager:
    """Return a plugin manager that knows Impasto's hooks."""
    made = _Manager("impasto")
    made.add_hookspecs(hookspecs)
    return made


class _Manager(pluggy.PluginManager):
    """Takes a function named like a hook for one, marked or not: a forgotten marker is never silent."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name.startswith("impasto_") and callable(getattr(plugin, name, None)):
            return {
                "wrapper": False,
                "hookwrapper": False,
                "optionalhook": False,
                "tryfirst": False,
                "trylast": False,
                "specname": None,
            }
        return options


def register(made: pluggy.PluginManager, plugin: Any, distribution: str) -> None:
    """Add a plugin, or raise a `PluginError` if it implements a hook that does not exist, or is there already."""
    known = [name for name in vars(hookspecs) if name.startswith("impasto_")]
    if made.is_registered(plugin):
        raise PluginError(f"{distribution}: the same plugin is given twice")
    try:
        made.register(plugin, str(id(plugin)))  # two plugins may bear one name, such as that of their class
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{distribution}: {error}") from error
    for caller in made.get_hookcallers(plugin) or ():
        if not caller.has_spec():
            made.unregister(plugin)
            raise PluginError(
                f"{distribution} implements a hook called {caller.name!r}, which does not exist\n"
                f"  the hooks: {', '.join(known)}{suggestion(caller.name, known)}"
            )
