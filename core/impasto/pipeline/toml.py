"""Pipelines as TOML: a list `[[stages]]`, each with its name and parameters."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import tomli_w

from ..host import get_host
from ..stage import Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOML_LIMIT = 1_000_000
"""Bytes; a pipeline is a page of text, so a larger file is something else."""


def stage_table(stage: Stage) -> dict[str, Any]:
    """Return the TOML table of a stage: its name and every parameter, so that a later default changes nothing."""
    values = {
        key: list(value) if isinstance(value, tuple) else "none" if value is None else value
        for key, value in stage.values().items()
    }
    return {"stage": stage.name, **values}


def write_toml(tables: Iterable[Mapping[str, Any]], made: Mapping[str, Any] | None = None) -> str:
    """Return TOML of the tables of stages and, for a picture's recipe, of what else decided how it was made."""
    document: dict[str, Any] = {"stages": list(tables)}
    return tomli_w.dumps(document if made is None else document | {"made": made})


def read_toml(text: str) -> list[Stage]:
    """Return the stages that TOML text describes.

    Raises:
        ValueError: not TOML, or not a pipeline; says what is wrong and where.
        LookupError: a stage that no installed plugin offers.
        ParameterError: a parameter that the stage does not have, or a value out of its range.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the pipeline is not valid TOML: {error}") from error
    tables = document.get("stages")
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) and isinstance(table.get("stage"), str) for table in tables
    ):
        raise ValueError(
            'the TOML describes no pipeline\n  what would work:\n    [[stages]]\n    stage = "gatys"\n    steps = 200'
        )
    stages = []
    for table in tables:
        values = {key: value for key, value in table.items() if key != "stage"}
        stages.append(get_host().stage(table["stage"])(**values))
    return stages
