"""Looks: pipelines with a name and a purpose, which plugins offer as data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ..errors import ParameterError, quoted, suggestion
from ..files import existing_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Look:
    """A pipeline that suits a purpose, as people choose it by name: `impasto paint --look ink`.

    Args:
        summary: what comes out, in one line.
        stages: the pipeline, in one line as `Pipeline.parse` reads it.
        suits: what it is for.
        spoils: what it is not for.
        seconds: it takes on two cores, for 384 by 256 pixels.

    Raises:
        ParameterError: no summary or no stages.

    Example:
        >>> import impasto
        >>> impasto.stage.Look("The photograph as it is", stages="clip-gamut", suits="those who like it").stages
        'clip-gamut'
    """

    summary: str
    stages: str
    suits: str = ""
    spoils: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("summary", "stages"):
            if not getattr(self, name).strip():
                raise ParameterError(f"a look without {name}\n  what would work: summary and stages, in a line each")


def read_looks(path: str | os.PathLike[str]) -> dict[str, Look]:
    """Return the looks of a TOML file, a table for each: nothing in it is run, stages are named.

    Args:
        path: of the file.

    Raises:
        MissingFileError: there is none.
        ParameterError: it is something else; names the look and what is wrong with it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> file = Path(tempfile.mkdtemp(), "looks.toml")
        >>> written = file.write_text("[pale]\\nsummary = 'Half of the way'\\nstages = 'adain:strength=0.5'\\n")
        >>> read_looks(file)["pale"].stages
        'adain:strength=0.5'
    """
    file = existing_file(path, "looks.toml")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ParameterError(f"{file}: is no TOML: {error}\n  what would work: a table for each look") from None
    return {name: _look(f"{file}: {quoted(name)}", table) for name, table in tables.items()}


def _look(where: str, table: object) -> Look:
    types = {field.name: float if field.type == "float" else str for field in fields(Look)}
    if not isinstance(table, Mapping) or not {"summary", "stages"} <= set(table):
        raise ParameterError(f"{where} is no look\n  what would work: a table with summary and stages")
    for name, value in table.items():
        if name not in types:
            raise ParameterError(
                f"{where} has {quoted(name)}{suggestion(name, types)}\n  it may have: {', '.join(types)}"
            )
        if not isinstance(value, (int, float) if types[name] is float else str) or isinstance(value, bool):
            wanted = "a number" if types[name] is float else "text"
            raise ParameterError(f"{where}: {name} = {quoted(value)}\n  what would work: {wanted}")
    return Look(**table)
