"""Pipelines as text: TOML, and one line of stages."""

from __future__ import annotations

import sys
from typing import Any

from ..stage import Parameter, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


TOML_LIMIT = 1_000_000
"""Bytes; a pipeline is a page of text, so a larger file is something else."""


def _table(stage: Stage) -> dict[str, Any]:
    values = {
        key: list(value) if isinstance(value, tuple) else "none" if value is None else value
        for key, value in stage.values().items()
    }
    return {"stage": stage.name, **values}


def _split(text: str, separator: str) -> list[str]:
    """Split text at a character, except inside quotation marks."""
    parts, quoted = [""], False
    for letter in text:
        quoted ^= letter == '"'
        if letter == separator and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def setting(parameter: Parameter | None, text: str) -> Any:
    """Return the value that a word stands for; where the parameter is a list, its entries are joined by `+`."""
    if parameter is not None and parameter.listed:
        return [_value(entry) for entry in _split(text, "+")] if text else []
    return _value(text)


def _value(text: str) -> Any:
    text = text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
