"""The plugin manager: knows the hooks, and says what is wrong with a plugin."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from ..errors import PluginError, quoted, suggestion
from ..stage import Stage
from . import hookspecs

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("impasto_"))
"""The names of all hooks."""
CALL_TIME_HOOKS = ("impasto_run_stage", "impasto_step")
"""The hooks that a run calls; all others say what a plugin offers."""


def plugin_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows Impasto's hooks."""
    manager = pluggy.PluginManager("impasto")
    manager.add_hookspecs(hookspecs)
    return manager


def register_offers(manager: pluggy.PluginManager, plugin: Any, distribution: str) -> None:
    """Add a plugin that offers something to a host's manager; warn of functions that are not marked as hooks.

    Args:
        manager: made by `plugin_manager`.
        plugin: a module or object with hook implementations.
        distribution: how messages call it.

    Raises:
        PluginError: it offers nothing, has a hook that does not exist or takes other arguments, or is there already.
    """
    _check_kind(plugin, distribution, "impasto.Host(impasto_adain), where impasto_adain is the module")
    hooks = _check_hooks(manager, plugin, distribution)
    if hooks and all(name in CALL_TIME_HOOKS for name in hooks):
        raise PluginError(
            f"{distribution}: has {', '.join(hooks)}, which takes part in a run, and offers nothing\n"
            "  what to type: pipe(content, style, plugins=[...]) with it, for each run that it is to take part in"
        )
    _register(manager, plugin, distribution)


def register_watcher(manager: pluggy.PluginManager, plugin: Any) -> None:
    """Add a plugin to the manager of one run; warn of functions that are not marked as hooks.

    Raises:
        PluginError: it takes no part in a run, has a hook that does not exist or takes other arguments, or is there
            already.
    """
    name = str(getattr(plugin, "__name__", type(plugin).__name__))
    _check_kind(plugin, name, "plugins=[impasto.Live()]")
    hooks = _check_hooks(manager, plugin, name)
    if hooks and not any(hook in CALL_TIME_HOOKS for hook in hooks):
        raise PluginError(
            f"{name}: has {', '.join(hooks)}, which offers something by name, and takes no part in a run\n"
            f"  what would work: a plugin with {' or '.join(CALL_TIME_HOOKS)}; stages go into the pipeline itself"
        )
    _register(manager, plugin, name)


def _check_kind(plugin: Any, name: str, example: str) -> None:
    """Raise a `PluginError` if a plugin is something that can have no hooks."""
    if isinstance(plugin, str):
        raise PluginError(f"{quoted(plugin)} is a name, not a plugin\n  what to type: {example}")
    if isinstance(plugin, Stage) or (isinstance(plugin, type) and issubclass(plugin, Stage)):
        called = f"{plugin.__name__}()" if isinstance(plugin, type) else repr(plugin)
        raise PluginError(f"{name} is a stage, not a plugin\n  what to type: impasto.Pipeline({called})")
    if isinstance(plugin, type):
        for hook in HOOKS:
            if inspect.isfunction(inspect.getattr_static(plugin, hook, None)):
                raise PluginError(
                    f"{name} is a class, and its {hook} waits for an object of it\n  what to type: {name}()"
                )


def _check_hooks(manager: pluggy.PluginManager, plugin: Any, distribution: str) -> Mapping[str, Callable[..., Any]]:
    """Return the implementations of a plugin by hook; raise a `PluginError` if one is not what its hook promises.

    A hook of a newer Impasto is left out where it is marked as optional, `@impasto.hookimpl(optionalhook=True)`.
    """
    hooks = {}
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is None:
            continue
        name = options.get("specname") or attribute
        if name in HOOKS:
            hooks[name] = getattr(plugin, attribute)
            _check_implementation(name, hooks[name], options, distribution)
        elif not options.get("optionalhook"):
            raise PluginError(
                f"{distribution}: implements a hook called {name!r}, which does not exist\n"
                f"  the hooks: {', '.join(HOOKS)}{suggestion(name, HOOKS)}\n"
                "  what would work, for a hook of a newer Impasto: @impasto.hookimpl(optionalhook=True)"
            )
    for name in HOOKS:
        if name not in hooks and not callable(found := getattr(plugin, name, _absent)):
            raise PluginError(
                f"{distribution}: {name} is {quoted(found)}, not a function\n"
                f"  what to type: @impasto.hookimpl in the line above def {name}(): return ..."
            )
    if not hooks and not unmarked_hooks(manager, plugin):
        raise PluginError(
            f"{distribution}: {quoted(plugin)} has no hook, so it would do nothing\n"
            f"  what would work: a module or an object with functions marked by @impasto.hookimpl\n"
            f"  the hooks: {', '.join(HOOKS)}"
        )
    return hooks


def _absent() -> None:
    """Stand for a hook that a plugin lacks."""


def _check_implementation(
    name: str, function: Callable[..., Any], options: Mapping[str, Any], distribution: str
) -> None:
    has = list(inspect.signature(getattr(hookspecs, name)).parameters)
    for argument in inspect.signature(function).parameters.values():
        variadic = argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
        by_position = argument.kind is not argument.KEYWORD_ONLY
        if argument.default is argument.empty and not variadic and not (by_position and argument.name in has):
            raise PluginError(
                f"{distribution}: {name} asks for {argument.name!r}, which it is not given"
                f"{'' if by_position else ' by name'}\n"
                f"  it can have: {', '.join(has) or 'no arguments'}{suggestion(argument.name, has)}"
            )
    wraps = bool(options.get("wrapper") or options.get("hookwrapper"))
    if name not in CALL_TIME_HOOKS and (wraps or inspect.isgeneratorfunction(function)):
        raise PluginError(f"{distribution}: {name} has a yield\n  what would work: to return what it offers")
    if wraps != inspect.isgeneratorfunction(function):
        raise PluginError(
            f"{distribution}: {name} {'is marked as a wrapper and has no' if wraps else 'is not a wrapper and has a'}"
            f" yield\n  what to type: @impasto.hookimpl(wrapper=True), and result = yield; or neither"
        )


def _register(manager: pluggy.PluginManager, plugin: Any, distribution: str) -> None:
    if manager.is_registered(plugin):
        raise PluginError(f"{distribution}: the same plugin is given twice\n  what would work: give it once")
    try:
        manager.register(plugin, str(id(plugin)))  # two plugins may bear one name, such as that of their class
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{distribution}: {error}") from error
    for name in unmarked_hooks(manager, plugin):
        nearest = name if name in HOOKS else suggestion(name, HOOKS).partition("'")[2].rstrip("'?") or HOOKS[0]
        warnings.warn(
            f"{distribution}: {name} is named like a hook and not marked as one, so it is not called\n"
            f"  what to type: @impasto.hookimpl in the line above def {nearest}(…)",
            stacklevel=4,
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
