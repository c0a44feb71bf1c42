"""Which plugins a pipeline was made with: kept in TOML, and told to whoever lacks one of them."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors import ParameterError, UnknownNameError, quoted
from ..host import get_host, version
from ..stage import Stage

MOST = 20
"""Plugins of a recipe that a message names."""
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
"""A name of distributions (PEP 508).  What a recipe says is a stranger's, and messages are pasted in shells."""


class Maker(NamedTuple):
    """A distribution that a recipe was made with."""

    name: str
    version: str

    @property
    def installed(self) -> str:
        """The version that is here; nothing where there is none."""
        try:
            return str(Version(version(self.name)))
        except InvalidVersion:
            return ""


def makers(stages: Sequence[Stage]) -> dict[str, Any]:
    """Return what a recipe says of its makers: the versions of Impasto, of torch and of each stage's plugin."""
    return {
        "impasto": version("impasto"),
        "torch": torch.__version__,
        "plugins": sorted({get_host().distribution(type(stage)) for stage in stages}),
    }


def stage_of(name: str, made: Any) -> type[Stage]:
    """Return the stage that a recipe names; of several plugins that offer it now, that of the one it was made with.

    Args:
        name: as the recipe gives it.
        made: the recipe's table of that name, a stranger's.

    Raises:
        UnknownNameError: none offers it, or several do.
    """
    own = set()
    for maker in _read_makers(made):
        with contextlib.suppress(LookupError):  # it had other stages, or is not here
            own.add(get_host().stage(f"{maker.name}/{name}"))
    return own.pop() if len(own) == 1 else get_host().stage(name)


def explain(error: LookupError | ParameterError, stage: str, made: Any) -> Exception:
    """Return the error for a stage of a recipe that cannot be had, with the plugin that the recipe was made with.

    Args:
        error: what looking the stage up, or making it, raised.
        stage: the name that the recipe gives.
        made: the recipe's table of that name, a stranger's.
    """
    known = _read_makers(made)
    if isinstance(error, ParameterError):
        own = canonicalize_name(get_host().distribution(stage_of(stage, made)).split()[0])
        others = [maker for maker in known if canonicalize_name(maker.name) == own and maker.installed != maker.version]
        return ParameterError(f"{error}{_other_versions(others)}") if others else error
    if f"stage {stage}" in get_host().conflicts:
        return error
    missing = [maker for maker in known if not maker.installed]
    others = [maker for maker in known if maker.installed not in ("", maker.version)]
    if not missing and not others:
        return error
    text = f"no installed plugin offers a stage called {quoted(stage)}"
    if not missing:
        return UnknownNameError(f"{text}{_other_versions(others)}")
    named = ", ".join(f"{maker.name} {maker.version}" for maker in missing)
    typed = " ".join(shlex.quote(maker.name) for maker in missing)
    return UnknownNameError(
        f"{text}\n  it was made with {named}, which {'is' if len(missing) == 1 else 'are'} not installed\n"
        f"  what to type: pip install {typed}, if you trust who wrote it"
    )


def _other_versions(others: Sequence[Maker]) -> str:
    named = ", ".join(f"{maker.name} {maker.version}, and {maker.installed} is installed" for maker in others)
    typed = " ".join(shlex.quote(f"{maker.name}=={maker.version}") for maker in others)
    return f"\n  it was made with {named}\n  what to type: pip install {typed}"


def _read_makers(made: Any) -> list[Maker]:
    """Return the distributions that a recipe names, without what can be none."""
    entries = made.get("plugins") if isinstance(made, dict) else None
    found = []
    for entry in entries[:MOST] if isinstance(entries, list) else ():
        name, _, release = entry.partition(" ") if isinstance(entry, str) else ("", "", "")
        try:
            if NAME.fullmatch(name) and len(release) < 50:
                found.append(Maker(name, str(Version(release))))
        except InvalidVersion:
            continue
    return found
