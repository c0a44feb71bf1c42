"""The plugin manager: knows the hooks, and says what is wrong with a plugin."""

from __future__ import annotations

import warnings
from typing import Any

import pluggy

from ..errors import PluginError, suggestion
from . import hookspecs

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("impasto_"))
"""The names of all hooks."""


def plugin_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows Impasto's hooks."""
    manager = pluggy.PluginManager("impasto")
    manager.add_hookspecs(hookspecs)
    return manager


def register(manager: pluggy.PluginManager, plugin: Any, distribution: str) -> None:
    """Add a plugin to a manager; warn of functions that are named like a hook and not marked as one.

    Args:
        manager: made by `plugin_manager`.
        plugin: a module or object with hook implementations.
        distribution: how messages call it.

    Raises:
        PluginError: a hook that does not exist or has other arguments, or a plugin that is there already.
    """
    if manager.is_registered(plugin):
        raise PluginError(f"{distribution}: the same plugin is given twice\n  what would work: give it once")
    try:
        manager.register(plugin, str(id(plugin)))  # two plugins may bear one name, such as that of their class
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{distribution}: {error}") from error
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec():
            manager.unregister(plugin)
            raise PluginError(
                f"{distribution}: implements a hook called {caller.name!r}, which does not exist\n"
                f"  the hooks: {', '.join(HOOKS)}{suggestion(caller.name, HOOKS)}"
            )
    for name in unmarked_hooks(manager, plugin):
        nearest = name if name in HOOKS else suggestion(name, HOOKS).partition("'")[2].rstrip("'?") or HOOKS[0]
        warnings.warn(
            f"{distribution}: {name} is named like a hook and not marked as one, so it is not called\n"
            f"  what to type: @impasto.hookimpl in the line above def {nearest}(…)",
            stacklevel=3,
        )


def unmarked_hooks(manager: pluggy.PluginManager, plugin: Any) -> list[str]:
    """Return the names of a plugin's functions that begin as hooks do and lack the marker `impasto.hookimpl`."""
    return [
        name
        for name in dir(plugin)
        if name.startswith("impasto_")
        and callable(getattr(plugin, name, None))
        and manager.parse_hookimpl_opts(plugin, name) is None
    ]
