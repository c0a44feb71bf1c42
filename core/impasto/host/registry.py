"""Finding plugins, looking up what they offer, and running stages through call-time hooks."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import numpy.typing as npt
from packaging.utils import canonicalize_name
from torch import Tensor, nn

from ..errors import PluginError, UnknownNameError, quoted, suggestion
from ..functional.losses import StatisticOf
from ..functional.metrics import Metric
from ..moved import moved_name
from ..stage import Declared, Look, Postprocessor, Preprocessor, Stage, Stylizer, Watcher
from ..training import Trainer
from ..versions import unmet_requirement, version
from .directory import directory
from .manager import plugin_manager, register_offers
from .offers import REGISTRIES, Offer, read_offers


class Host:
    """Look up by name what plugins offer, such as stages and encoders, and say which plugins did not load.

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
        self._manager = plugin_manager()
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
            PluginError: no hook, a misspelt hook, or an offer that is not what its hook promises.
        """
        name = distribution or str(getattr(plugin, "__name__", type(plugin).__name__))
        self._register(plugin, name)
        self.distributions.append(name)

    def _register(self, plugin: Any, distribution: str) -> None:
        register_offers(self._manager, plugin, distribution)
        try:
            offers = read_offers(self._registry_hooks(plugin), distribution)
        except BaseException:
            self._manager.unregister(plugin)
            raise
        for offer in offers:
            self._offers.setdefault((offer.kind, offer.name), []).append(offer)

    def _registry_hooks(self, plugin: Any) -> dict[str, Callable[[], Any]]:
        return {
            caller.name: implementation.function
            for caller in self._manager.get_hookcallers(plugin) or ()
            for implementation in caller.get_hookimpls()
            if caller.name in REGISTRIES and implementation.plugin is plugin
        }

    def load_entry_points(self, only: Iterable[str] | None = None, but: Iterable[str] = ()) -> None:
        """Load installed plugins; one that fails is kept in `broken` and does not stop the others.

        Args:
            only: entry-point names to load; None loads all.
            but: entry-point names to leave out.

        Raises:
            UnknownNameError: no installed plugin has one of these names.
        """
        points = sorted(importlib.metadata.entry_points(group="impasto"), key=lambda point: point.name)
        names = [point.name for point in points]
        wanted, unwanted = set(names if only is None else only), set(but)
        unknown = sorted((wanted | unwanted) - set(names))
        if unknown:
            raise UnknownNameError(
                f"IMPASTO_PLUGINS names {', '.join(unknown)}, which no installed plugin is called\n"
                f"  installed: {', '.join(names) or 'none'}{suggestion(unknown[0], names)}"
            )
        for point in points:
            if point.name not in wanted - unwanted:
                continue
            dist = point.dist
            name = f"{dist.name} {dist.version}" if dist else point.name
            try:
                self.register(point.load(), name)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a third party's import may even end the program; it is shown, not hidden
                found = str(error).removeprefix(f"{name}: ")
                kind = "" if isinstance(error, PluginError) else f"{type(error).__name__}: "
                self.broken[name] = (
                    f"{kind}{found}{moved_name(error)}{unmet_requirement(dist.name if dist else point.name)}"
                )

    # ------------------------------------------------------------------------------------------- look-ups

    def _by_name(self, kind: str, base: type = object) -> dict[str, Any]:
        """Return what is offered, by name, sorted; what several distributions call alike by its qualified name."""
        found = {
            offer.name if len(offers) == 1 else offer.qualified: offer.object
            for (offered, _), offers in self._offers.items()
            for offer in offers
            if offered == kind and (base is object or issubclass(offer.object, base))
        }
        return dict(sorted(found.items()))

    @property
    def stages(self) -> dict[str, type[Stage]]:
        """Every stage by name, sorted."""
        return self._by_name("stage")

    @property
    def preprocessors(self) -> dict[str, type[Preprocessor]]:
        """Every pre-processing stage by name, sorted."""
        return self._by_name("stage", Preprocessor)

    @property
    def stylizers(self) -> dict[str, type[Stylizer]]:
        """Every stylizer by name, sorted."""
        return self._by_name("stage", Stylizer)

    @property
    def postprocessors(self) -> dict[str, type[Postprocessor]]:
        """Every post-processing stage by name, sorted."""
        return self._by_name("stage", Postprocessor)

    @property
    def encoders(self) -> dict[str, Callable[[], nn.Module]]:
        """Every encoder's loader by name, sorted."""
        return self._by_name("encoder")

    @property
    def trainers(self) -> dict[str, type[Trainer]]:
        """Every trainer by name, sorted."""
        return self._by_name("trainer")

    @property
    def decoders(self) -> dict[str, Callable[[], nn.Module]]:
        """Every decoder's loader by name, sorted."""
        return self._by_name("decoder")

    @property
    def statistics(self) -> dict[str, StatisticOf]:
        """Every style statistic by name, sorted."""
        return self._by_name("statistic")

    @property
    def metrics(self) -> dict[str, Metric]:
        """Every metric by name, sorted."""
        return self._by_name("metric")

    @property
    def watchers(self) -> dict[str, type[Watcher]]:
        """Every watcher by name, sorted."""
        return self._by_name("watcher")

    @property
    def samples(self) -> dict[str, Callable[[int], Tensor]]:
        """Every sample picture that a plugin offers by name, sorted."""
        return self._by_name("sample")

    @property
    def looks(self) -> dict[str, Look]:
        """Every look by name, sorted."""
        return self._by_name("look")

    @property
    def readers(self) -> dict[str, Callable[[bytes], npt.NDArray[Any]]]:
        """Every reader of pictures by suffix, sorted."""
        return self._by_name("reader")

    @property
    def commands(self) -> dict[str, Callable[[ArgumentParser], Callable[[Namespace], int | None]]]:
        """Every command that a plugin offers by name, sorted."""
        return self._by_name("command")

    @property
    def conflicts(self) -> dict[str, list[str]]:
        """Names that several distributions offer, so that only their qualified names can be used."""
        return {
            f"{kind} {name}": [offer.distribution for offer in offers]
            for (kind, name), offers in sorted(self._offers.items())
            if len(offers) > 1
        }

    def stage(self, name: str) -> type[Stage]:
        """Return the stage of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("stage", name)  # type: ignore[no-any-return]

    def encoder(self, name: str) -> Callable[[], nn.Module]:
        """Return the loader of the encoder of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("encoder", name)  # type: ignore[no-any-return]

    def trainer(self, name: str) -> type[Trainer]:
        """Return the trainer of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("trainer", name)  # type: ignore[no-any-return]

    def decoder(self, name: str) -> Callable[[], nn.Module]:
        """Return the loader of the decoder of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("decoder", name)  # type: ignore[no-any-return]

    def statistic(self, name: str) -> StatisticOf:
        """Return the style statistic of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("statistic", name)  # type: ignore[no-any-return]

    def metric(self, name: str) -> Metric:
        """Return the metric of this name.

        Raises:
            LookupError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("metric", name)  # type: ignore[no-any-return]

    def watcher(self, name: str) -> type[Watcher]:
        """Return the watcher of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("watcher", name)  # type: ignore[no-any-return]

    def sample(self, name: str) -> Callable[[int], Tensor]:
        """Return the function that draws the sample picture of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("sample", name)  # type: ignore[no-any-return]

    def look(self, name: str) -> Look:
        """Return the look of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("look", name)  # type: ignore[no-any-return]

    def reader(self, name: str) -> Callable[[bytes], npt.NDArray[Any]]:
        """Return the reader of files with this suffix, such as ".exr".

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("reader", name)  # type: ignore[no-any-return]

    def command(self, name: str) -> Callable[[ArgumentParser], Callable[[Namespace], int | None]]:
        """Return the command of this name.

        Raises:
            UnknownNameError: none or several plugins offer it; lists the names there are.
        """
        return self._look_up("command", name)  # type: ignore[no-any-return]

    def offered(self, name: str) -> dict[str, Any]:
        """Return what goes by this name, of each kind that has it: `fast` is a stage and a trainer.

        Raises:
            UnknownNameError: nothing, or what several plugins offer; lists the names there are.
        """
        kinds = dict.fromkeys(registry.kind for registry in REGISTRIES.values())
        found = {kind: self._look_up(kind, name) for kind in kinds if self._matching(kind, name)}
        return found or {"stage": self.stage(name)}

    def _matching(self, kind: str, name: str) -> list[Offer]:
        distribution, slash, short = name.rpartition("/")
        offers = self._offers.get((kind, short), [])
        renamed = [offer for offer in self._every() if offer.kind == kind and short in getattr(offer.object, "was", ())]
        if slash:
            maker = canonicalize_name(distribution)
            offers, renamed = ([one for one in some if one.maker == maker] for some in (offers, renamed))
        return offers or renamed  # what has a name now goes before what had it

    def _published(self, name: str) -> list[str]:
        """Return the published plugins that offer something of this name and are not installed."""
        maker, _, short = name.rpartition("/")
        installed = {canonicalize_name(one.split()[0]) for one in (*self.distributions, *self.broken)}
        return [
            entry.name
            for entry in directory()
            if short in entry.offers and entry.name not in installed and maker in ("", entry.name)
        ]

    def _look_up(self, kind: str, name: str) -> Any:
        offers = self._matching(kind, name)
        if len(offers) == 1:
            return offers[0].object
        if offers:
            distributions = " and ".join(offer.distribution for offer in offers)
            raise UnknownNameError(
                f"{distributions} {'both' if len(offers) == 2 else 'all'} offer a {kind} called {quoted(name)}\n"
                "  what would work: uninstall one, or leave its plugin out, as IMPASTO_PLUGINS=-color does"
                + ("" if kind == "reader" else f"\n  what to type: {' or '.join(one.qualified for one in offers)}")
            )
        names = self._by_name(kind)
        article = "an" if kind == "encoder" else "a"
        lines = [f"no installed plugin offers {article} {kind} called {quoted(name)}"]
        lines.append(f"  installed: {', '.join(names) or 'none'}{suggestion(name, names)}")
        lines += [f"  what to type: pip install {one}, which offers it" for one in self._published(name)]
        lines += [f"  {broken} is installed but did not load: {why}" for broken, why in self.broken.items()]
        raise UnknownNameError("\n".join(lines))

    def _every(self) -> Iterator[Offer]:
        return (offer for offers in self._offers.values() for offer in offers)

    def distribution(self, offered: Any) -> str:
        """Return the distribution that offers a stage, trainer or loader, such as `impasto-adain 0.1.0`."""
        offer = self._offer(offered)
        return offer.distribution if offer else f"{getattr(offered, '__module__', '?')}, not installed as a plugin"

    def name(self, offered: type[Declared]) -> str:
        """Return the name by which a stage, trainer or watcher is looked up, qualified where others have it too."""
        offer = self._offer(offered)
        return offer.qualified if offer and len(self._offers[offer.kind, offer.name]) > 1 else offered.name

    def _offer(self, offered: Any) -> Offer | None:
        return next((offer for offer in self._every() if offer.object is offered), None)

    def offers(self, distribution: str) -> dict[str, list[str]]:
        """Return the names that a distribution offers by kind: "stylizer", "encoder", "command", …"""
        names: dict[str, list[str]] = {}
        for (kind, name), offers in sorted(self._offers.items()):
            for offer in offers:
                if offer.distribution == distribution:
                    names.setdefault(offer.object.kind if kind == "stage" else kind, []).append(name)
        return names


def get_host() -> Host:
    """Return the host of everything installed, made on first use; IMPASTO_PLUGINS limits what it loads.

    `IMPASTO_PLUGINS=adain,color` loads these alone, `IMPASTO_PLUGINS=-color` all but that one; empty loads none.

    Example:
        >>> import impasto
        >>> "slim19" in impasto.get_host().encoders
        True
    """
    return _installed()


@cache
def _installed() -> Host:
    host = Host()
    limit = os.environ.get("IMPASTO_PLUGINS")
    names = [name.strip() for name in (limit or "").split(",") if name.strip()]
    but = [name[1:].strip() for name in names if name.startswith("-")]
    if but and len(but) < len(names):
        raise UnknownNameError(
            f"IMPASTO_PLUGINS={limit} names plugins to load and plugins to leave out\n"
            "  what would work: only the former, IMPASTO_PLUGINS=adain,color; or the latter, IMPASTO_PLUGINS=-color"
        )
    host.load_entry_points(None if limit is None or but else names, but)
    return host
