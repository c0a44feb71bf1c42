"""What plugins offer by name, and what is wrong with an offer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from ..errors import PluginError, quoted
from ..moved import moved_name
from ..stage import Declared, Look, Postprocessor, Preprocessor, Stylizer, Watcher
from ..training import Trainer


@dataclass(frozen=True)
class Registry:
    """What one hook offers.

    Args:
        kind: of every offer, in the singular, by which messages call it.
        base: the class that every offer derives from; None where offers are functions by name.
        example: of a dict of such functions, for messages.
        wanted: what such a function does, for messages.
        names: pattern of the names.
        of: the type of every offer, where offers are no functions.
    """

    kind: str
    base: type[Declared] | None = None
    example: str = ""
    wanted: str = ""
    names: str = "[^/]+"
    of: type | None = None


REGISTRIES = {
    "impasto_preprocessors": Registry("stage", Preprocessor),
    "impasto_stylizers": Registry("stage", Stylizer),
    "impasto_postprocessors": Registry("stage", Postprocessor),
    "impasto_encoders": Registry(
        "encoder",
        example="{'mine': load_mine}",
        wanted="a name, and a function without arguments that returns the encoder",
    ),
    "impasto_trainers": Registry("trainer", Trainer),
    "impasto_decoders": Registry(
        "decoder",
        example="{'mine': load_mine}",
        wanted="a name, and a function without arguments that returns the decoder",
    ),
    "impasto_statistics": Registry(
        "statistic",
        example="{'mine': Statistic(measure_mine)}",
        wanted="a name, and an impasto.functional.losses.Statistic, or a function from a style's features to one",
    ),
    "impasto_metrics": Registry(
        "metric",
        example="{'mine': Metric(measure_mine)}",
        wanted="a name, and an impasto.functional.metrics.Metric",
    ),
    "impasto_watchers": Registry("watcher", Watcher),
    "impasto_samples": Registry(
        "sample",
        example="{'mine': draw_mine}",
        wanted="a name, and a function from the longer side in pixels to a picture (1, 3, H, W)",
    ),
    "impasto_looks": Registry(
        "look",
        example="{'ink': Look('...', stages='...')}",
        wanted="lower-case words joined by '-', and an impasto.stage.Look",
        names="[a-z][a-z0-9]*(-[a-z0-9]+)*",
        of=Look,
    ),
    "impasto_readers": Registry(
        "reader",
        example="{'.exr': read_exr}",
        wanted="a suffix in lower case, such as '.exr', and a function from a file's bytes to an array",
        names=r"\.[a-z0-9]+",
    ),
    "impasto_commands": Registry(
        "command",
        example="{'mine': add_options}",
        wanted="lower-case words joined by '-', and a function that adds options to a parser and returns what runs it",
        names="[a-z][a-z0-9]*(-[a-z0-9]+)*",
    ),
}
"""What each registry hook offers."""


@dataclass(frozen=True)
class Offer:
    """One object that a plugin offers under a name.

    Args:
        name: by which it is asked for.
        kind: "stage", "encoder", "trainer" and so on, as `REGISTRIES` has it.
        object: a class of stages, trainers or watchers, or a function, such as an encoder's loader.
        distribution: of the plugin, with its version.
    """

    name: str
    kind: str
    object: Any
    distribution: str

    @property
    def maker(self) -> str:
        """The name of its distribution, in the one way in which all spellings of it are written."""
        return canonicalize_name(self.distribution.split()[0])

    @property
    def qualified(self) -> str:
        """Its name with its distribution before it, `impasto-stencil/stencil`, which no other plugin's has."""
        return f"{self.maker}/{self.name}"


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
        registry = REGISTRIES[hook]
        kind, base = registry.kind, registry.base
        try:
            objects = function()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}{moved_name(error)}"
            raise PluginError(f"{distribution}: {hook} failed\n  {reason}") from error
        where = f"{distribution}: {hook}"
        for name, offered in _functions(objects, registry, where) if base is None else _classes(objects, base, where):
            if (kind, name) in offers:
                raise PluginError(
                    f"{distribution}: offers the {kind} {name!r} twice\n  what would work: to offer it once"
                )
            offers[kind, name] = Offer(name, kind, offered, distribution)
    return list(offers.values())


def _functions(objects: Any, registry: Registry, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(objects, Mapping):
        raise PluginError(
            f"{where} returns {_described(objects)}\n  what would work: a dict by name, {registry.example}"
        )

    def fits(offered: object) -> bool:
        return callable(offered) if registry.of is None else isinstance(offered, registry.of)

    for name, offered in objects.items():
        if not (isinstance(name, str) and re.fullmatch(registry.names, name) and fits(offered)):
            raise PluginError(
                f"{where} offers {quoted(offered)} as {quoted(name)}\n  what would work: {registry.wanted}"
            )
        yield name, offered


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
    for hook, registry in REGISTRIES.items():
        if registry.base is not None and issubclass(offered, registry.base):
            return f", a {getattr(offered, 'kind', registry.kind)}, which {hook} takes"
    return f", a {getattr(offered, 'kind', 'value')}"
