"""The directory of published plugins, a file that ships with Impasto: nothing is asked of the network."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from packaging.utils import canonicalize_name

from ..host import get_host

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


def directory() -> list[Entry]:
    """Return the published plugins that Impasto knows of, by name.

    Example:
        >>> [entry.offers for entry in directory() if entry.name == "impasto-adain"]
        [['adain']]
    """
    text = (files(__package__) / "directory.toml").read_text(encoding="utf-8")
    return [Entry(name, **said) for name, said in sorted(tomllib.loads(text).items())]


def available_lines() -> Iterator[str]:
    """Yield each published plugin with what it offers, and whether it is installed."""
    width = max(40, shutil.get_terminal_size().columns)
    installed = {canonicalize_name(name.split()[0]) for name in get_host().distributions}
    for entry in directory():
        yield f"{entry.name}{' (installed)' if canonicalize_name(entry.name) in installed else ''}"
        for line in (entry.summary, ", ".join(entry.offers), entry.address):
            if line:
                yield textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    yield "\nwhat to type: pip install NAME"
    yield "plugins with the keyword or topic impasto-plugin elsewhere may not be listed yet"
