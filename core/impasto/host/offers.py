"""What plugins offer by name, and what is wrong with an offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PluginError, quoted
from ..moved import moved_name
from ..stage import Declared, Postprocessor, Preprocessor, Stage, Stylizer
from ..training import Trainer

REGISTRIES: dict[str, tuple[str, type[Declared] | None]] = {
    "impasto_preprocessors": ("stage", Preprocessor),
    "impasto_stylizers": ("stage", Stylizer),
    "impasto_postprocessors": ("stage", Postprocessor),
    "impasto_encoders": ("encoder", None),
    "impasto_trainers": ("trainer", Trainer),
}
"""What each registry hook offers: its kind, and the class that every offer derives from."""


@dataclass(frozen=True)
class Offer:
    """One object that a plugin offers under a name.

    Args:
        name: by which it is asked for.
        kind: "stage", "encoder" or "trainer".
        object: a class of stages or trainers, or an encoder's loader.
        distribution: of the plugin, with its version.
    """

    name: str
    kind: str
    object: Any
    distribution: str


def read_offers(hooks: Mapping[str, Callable[[], Any]], distribution: str) -> list[Offer]:
    """Return what a plugin offers.

    Args:
        hooks: its implementations of registry hooks, by name.
        distribution: how messages call the plugin.

    Raises:
        PluginError: a hook failed, or gave back something other than it promises; names it and what would work.
    """
    offers: dict[tuple[str, str], Offer] = {}
    for hook, function in hooks.items():
        kind, base = REGISTRIES[hook]
        try:
            objects = function()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}{moved_name(error)}"
            raise PluginError(f"{distribution}: {hook} failed\n  {reason}") from error
        where = f"{distribution}: {hook}"
        for name, offered in _loaders(objects, where) if base is None else _classes(objects, base, where):
            if (kind, name) in offers:
                raise PluginError(
                    f"{distribution}: offers the {kind} {name!r} twice\n  what would work: to offer it once"
                )
            offers[kind, name] = Offer(name, kind, offered, distribution)
    return list(offers.values())


def _loaders(objects: Any, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(objects, Mapping):
        raise PluginError(
            f"{where} returns {_described(objects)}\n  what would work: a dict of name: loader, {{'mine': load_mine}}"
        )
    for name, loader in objects.items():
        if not (isinstance(name, str) and name and callable(loader)):
            raise PluginError(
                f"{where} offers {quoted(loader)} as {quoted(name)}\n"
                "  what would work: a name, and a function without arguments that returns the encoder"
            )
        yield name, loader


def _classes(objects: Any, base: type[Declared], where: str) -> Iterator[tuple[str, Any]]:
    module = "impasto.training" if base is Trainer else "impasto"
    advice = f"\n  what would work: a list of classes, class Mine({module}.{base.__name__}, name='mine')"
    if not isinstance(objects, (list, tuple)):
        raise PluginError(f"{where} returns {_described(objects)}{advice}")
    for offered in objects:
        found = f"{where} offers {offered.__name__ if isinstance(offered, type) else quoted(offered)}"
        if isinstance(offered, Declared):
            raise PluginError(f"{found}, which is made already{advice}\n  what to type: {type(offered).__name__}")
        if not (isinstance(offered, type) and issubclass(offered, base)):
            raise PluginError(f"{found}{_other_hook(offered)}{advice}")
        if not offered.name:
            raise PluginError(f"{found}, which has no name{advice}")
        try:
            offered.parameters()
        except (NameError, TypeError) as error:  # an annotation that means nothing, or no type of a parameter
            raise PluginError(f"{found}, whose parameters cannot be read\n  {error}") from error
        yield offered.name, offered


def _described(objects: Any) -> str:
    if objects is None:
        return "None: is its return missing?"
    return f"{objects.__name__} alone" if isinstance(objects, type) else f"{type(objects).__name__}: {quoted(objects)}"


def _other_hook(offered: Any) -> str:
    """Say which hook takes a class, if it is one that another hook takes."""
    if not isinstance(offered, type) or not issubclass(offered, Declared):
        return ""
    hooks = [hook for hook, (_, base) in REGISTRIES.items() if base is not None and issubclass(offered, base)]
    kind = offered.kind if issubclass(offered, Stage) else "trainer"
    return f", a {kind}" + (f", which {hooks[0]} takes" if hooks else "")
