"""The directory of published plugins, a file that ships with Impasto: nothing is asked of the network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Entry(NamedTuple):
    """A published plugin as the directory has it.

    Args:
        name: of its distribution, for `pip install`.
        summary: what it does, in a line.
        offers: the names of its stages and of what else it offers.
        address: where to read of it; "" for the plugins of Impasto itself.
    """

    name: str
    summary: str
    offers: Sequence[str]
    address: str = ""


@cache
def directory() -> tuple[Entry, ...]:
    """Return the published plugins that Impasto knows of, by name.

    Example:
        >>> [entry.offers for entry in directory() if entry.name == "impasto-adain"]
        [['adain', 'adain-decoder', 'adain-slim19', 'microast']]
    """
    text = (files(__package__) / "directory.toml").read_text(encoding="utf-8")
    return tuple(Entry(name, **said) for name, said in sorted(tomllib.loads(text).items()))
