"""What decides the work of a stage or trainer, in words that can be kept beside half of it and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import legible
from ..files import local_path, sha256
from .declared import Declared


def identity(declared: Declared) -> dict[str, str]:
    """Return the name of a stage or trainer and all its values; of files that they name, what is in them.

    Values that name a file to write are left out: where it lies decides nothing.

    Args:
        declared: the stage or trainer.

    Example:
        >>> import impasto
        >>> identity(impasto.Pipeline.parse("resize:size=32").stages[0])["size"]
        '32'
    """
    words = {"name": declared.name}
    for name, parameter in declared.parameters().items():
        if not parameter.writes:
            value = getattr(declared, name)
            entries = value if isinstance(value, tuple) else (value,)
            files = (
                [_digest(local_path(entry)) for entry in entries if isinstance(entry, str)] if parameter.reads else []
            )
            words[name] = ", ".join(files) if any(files) else repr(value)
    return words


def _digest(path: Path) -> str:
    """Return what is in a file, or nothing where there is none, as where a value is the name of a network."""
    return f"a file of sha256 {sha256(path)[:16]}" if path.is_file() else ""


def differences(kept: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return in words what is not the same in two identities.

    Args:
        kept: one that was kept, in a file perhaps.
        now: this one.

    Example:
        >>> differences({"width": "16", "size": "64"}, {"width": "32", "size": "64"})
        ['width was 16 and is 32']
    """
    return [
        f"{legible(name)} was {legible(kept.get(name, 'not there'))} and is {now.get(name, 'not there')}"
        for name in {**now, **kept}
        if kept.get(name) != now.get(name)
    ]
