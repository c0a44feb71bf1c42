"""Finding plugins, looking up what they offer, and running stages through call-time hooks."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

from ..errors import PluginError, suggestion
from ..stage import Postprocessor, Preprocessor, Stage, Stylizer
from ..training import Recipe
from .plugins import manager, register
from .versions import version

REGISTRIES: dict[str, tuple[str, type[Stage] | None]] = {
    "impasto_preprocessors": ("stage", Preprocessor),
    "impasto_stylizers": ("stage", Stylizer),
    "impasto_postprocessors": ("stage", Postprocessor),
    "impasto_encoders": ("encoder", None),
    "impasto_trainers": ("trainer", None),
}


@dataclass(frozen=True)
class Offer:
    """One thing a plugin offers: a stage or recipe class, or an encoder's loader."""

    name: str
    sort: str
    thing: Any
    distribution: str


class Host:
    """What is installed: stages, encoders and recipes by name, and the plugins that did not load.

    Args:
        plugins: modules or objects with hook implementations, besides Impasto's own.

    Example:
        >>> import impasto
        >>> list(impasto.Host().stages)
        []
        >>> sorted(impasto.Host().encoders)
        ['slim19', 'slim19-half', 'vgg19']
    """

    def __init__(self, *plugins: Any) -> None:
        self._manager = manager()
        self._offers: dict[tuple[str, str], list[Offer]] = {}
        self.broken: dict[str, str] = {}
        """Distributions that did not load, each with the reason."""
        self.distributions: list[str] = []
        """Distributions that loaded, Impasto itself first."""
        own = f"impasto {version('impasto')}"
        # By name, like any plugin: what the host itself offers has no back door.
        self._register(importlib.import_module("impasto.builtin"), own)
        self.distributions.append(own)
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: Any, distribution: str | None = None) -> None:
        """Add a plugin; `distribution` is how messages call it.

        Raises:
            PluginError: a misspelt hook, or an offer that is not what its hook promises.
        """
        name = distribution or str(getattr(plugin, "__name__", type(plugin).__name__))
        self._register(plugin, name)
        self.distributions.append(name)

    def _register(self, plugin: Any, distribution: str) -> None:
        register(self._manager, plugin, distribution)
        try:
            offers = list(self._offered(plugin, distribution))
        except BaseException:
            self._manager.unregister(plugin)
            raise
        for offer in offers:
            self._offers.setdefault((offer.sort, offer.name), []).append(offer)

    def _offered(self, plugin: Any, distribution: str) -> Iterable[Offer]:
        for caller in self._manager.get_hookcallers(plugin) or ():
            if caller.name not in REGISTRIES:
                continue
            sort, kind = REGISTRIES[caller.name]
            (implementation,) = [one for one in caller.get_hookimpls() if one.plugin is plugin]
            things = implementation.function()
            if sort == "encoder":
                if not isinstance(things, Mapping):
                    raise PluginError(f"{distribution}: {caller.name} must return a dict of name: loader")
                for name, loader in things.items():
                    yield Offer(name, sort, loader, distribution)
                continue
            wanted = kind or Recipe
            for thing in things if isinstance(things, (list, tuple)) else [things]:
                if not (isinstance(thing, type) and issubclass(thing, wanted) and thing.name):
                    raise PluginError(
                        f"{distribution}: {caller.name} offers {thing!r}\n"
                        f"  what would work: a list of classes, class Mine(impasto.{wanted.__name__}, name='mine')"
                    )
                yield Offer(thing.name, sort, thing, distribution)

    def load_entry_points(self, only: Iterable[str] | None = None) -> None:
        """Load installed plugins; one that fails is kept in `broken` and does not stop the others.

        Args:
            only: entry-point names to load; None loads all.
        """
        points = sorted(importlib.metadata.entry_points(group="impasto"), key=lambda point: point.name)
        if only is not None:
            wanted = set(only)
            unknown = sorted(wanted - {point.name for point in points})
            if unknown:
                names = [point.name for point in points]
                raise LookupError(
                    f"IMPASTO_PLUGINS asks for {', '.join(unknown)}, which no installed plugin is called\n"
                    f"  installed: {', '.join(names) or 'none'}{suggestion(unknown[0], names)}"
                )
            points = [point for point in points if point.name in wanted]
        for point in points:
            dist = point.dist
            name = f"{dist.name} {dist.version}" if dist else point.name
            try:
                self.register(point.load(), name)
            except Exception as error:  # a stranger's import may fail in any way; it is shown, not hidden
                self.broken[name] = f"{type(error).__name__}: {error}"

    # ------------------------------------------------------------------------------------------- look-ups

    def _named(self, sort: str, kind: type | None = None) -> dict[str, Any]:
        return {
            name: offers[0].thing
            for (found, name), offers in sorted(self._offers.items())
            if found == sort and len(offers) == 1 and (kind is None or issubclass(offers[0].thing, kind))
        }

    @property
    def stages(self) -> dict[str, type[Stage]]:
        """Every stage by name, sorted."""
        return self._named("stage")

    @property
    def preprocessors(self) -> dict[str, type[Preprocessor]]:
        """Every pre-processing stage by name, sorted."""
        return self._named("stage", Preprocessor)

    @property
    def stylizers(self) -> dict[str, type[Stylizer]]:
        """Every stylizer by name, sorted."""
        return self._named("stage", Stylizer)

    @property
    def postprocessors(self) -> dict[str, type[Postprocessor]]:
        """Every post-processing stage by name, sorted."""
        return self._named("stage", Postprocessor)

    @property
    def encoders(self) -> dict[str, Callable[[], nn.Module]]:
        """Every encoder's loader by name, sorted."""
        return self._named("encoder")

    @property
    def trainers(self) -> dict[str, type[Recipe]]:
        """Every training recipe by name, sorted."""
        return self._named("trainer")

    @property
    def conflicts(self) -> dict[str, list[str]]:
        """Names that several distributions offer, so that none can be used."""
        return {
            f"{sort} {name}": [offer.distribution for offer in offers]
            for (sort, name), offers in sorted(self._offers.items())
            if len(offers) > 1
        }

    def stage(self, name: str) -> type[Stage]:
        """Return the stage of this name, or raise a `LookupError` that says what there is."""
        return self._look_up("stage", name)  # type: ignore[no-any-return]

    def encoder(self, name: str) -> Callable[[], nn.Module]:
        """Return the loader of the encoder of this name."""
        return self._look_up("encoder", name)  # type: ignore[no-any-return]

    def trainer(self, name: str) -> type[Recipe]:
        """Return the training recipe of this name."""
        return self._look_up("trainer", name)  # type: ignore[no-any-return]

    def _look_up(self, sort: str, name: str) -> Any:
        offers = self._offers.get((sort, name), [])
        if len(offers) == 1:
            return offers[0].thing
        if offers:
            guilty = " and ".join(offer.distribution for offer in offers)
            raise LookupError(
                f"{guilty} both offer a {sort} called {name!r}, so neither is used\n"
                "  what would work: uninstall one, or name the plugins to load in IMPASTO_PLUGINS"
            )
        names = self._named(sort)
        article = "an" if sort == "encoder" else "a"
        lines = [f"no installed plugin offers {article} {sort} called {name!r}"]
        lines.append(f"  installed: {', '.join(names) or 'none'}{suggestion(name, names)}")
        lines += [f"  {guilty} is installed but did not load: {why}" for guilty, why in self.broken.items()]
        raise LookupError("\n".join(lines))

    def distribution(self, thing: Any) -> str:
        """Return the distribution that offers a stage, recipe or loader, such as `impasto-adain 0.1.0`."""
        for offers in self._offers.values():
            for offer in offers:
                if offer.thing is thing:
                    return offer.distribution
        return f"{getattr(thing, '__module__', '?')}, not installed as a plugin"

    def offers(self, distribution: str) -> dict[str, list[str]]:
        """Return the names a distribution offers, by sort or kind of stage."""
        found: dict[str, list[str]] = {}
        for (sort, name), offers in sorted(self._offers.items()):
            for offer in offers:
                if offer.distribution == distribution:
                    found.setdefault(getattr(offer.thing, "kind", sort), []).append(name)
        return found


def get_host() -> Host:
    """Return the host of everything installed, made on first use; IMPASTO_PLUGINS limits what it loads."""
    return _installed()


@cache
def _installed() -> Host:
    made = Host()
    limit = os.environ.get("IMPASTO_PLUGINS")
    made.load_entry_points(None if limit is None else [name.strip() for name in limit.split(",") if name.strip()])
    return made
