"""Pipelines in one line, as `--with` and `Pipeline.parse` take them: `match-color, gatys:steps=200, guided-smooth`."""

from __future__ import annotations

import sys
from typing import Any

from ..errors import ParameterError
from ..host import get_host
from ..stage import Parameter, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse_stages(text: str) -> list[Stage]:
    """Return the stages that one line describes; see `Pipeline.parse`."""
    stages = []
    for part in filter(None, (part.strip() for part in split(text, ","))):
        name, *settings = split(part, ":")
        if "(" in name:
            raise ParameterError(
                f"{part!r} is written as Python; here parameters follow a colon\n"
                f"  what to type: {name.partition('(')[0].strip()}:parameter=value"
            )
        kind = get_host().stage(name.strip())
        values: dict[str, Any] = {}
        for setting in settings:
            key, equals, value = setting.partition("=")
            if not equals:
                raise ParameterError(f"{name}: {setting!r} is not a setting\n  what to type: {name}:parameter=value")
            key = key.strip().replace("-", "_")
            values[key] = parse_value(value, kind.parameters().get(key))
        stages.append(kind(**values))
    return stages


def parse_value(text: str, parameter: Parameter | None = None) -> Any:
    """Return the value that text stands for; where the parameter is a list, its entries are joined by `+`."""
    if parameter is not None and parameter.listed:
        return [parse_value(entry) for entry in split(text, "+")] if text else []
    text = text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def split(text: str, separator: str) -> list[str]:
    """Split text at a character, except inside quotation marks."""
    parts, quoted = [""], False
    for letter in text:
        quoted ^= letter == '"'
        if letter == separator and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
