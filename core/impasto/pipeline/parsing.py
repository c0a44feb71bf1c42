"""Pipelines in one line, as `--with` and `Pipeline.parse` take them: `match-color, gatys:steps=200, guided-smooth`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..errors import ParameterError, UnknownNameError
from ..host import get_host
from ..stage import Declared, Parameter, Stage, Watcher

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_PLAIN = re.compile(r"(?!(true|false|inf|nan|none)\b)[A-Za-z_./~][\w./~ =#*-]*")
"""A text that is taken for one without quotation marks."""


def parse_stages(text: str) -> list[Stage]:
    """Return the stages that one line describes; see `Pipeline.parse`."""
    return _parse(text, get_host().stage)


def stage_line(stages: Iterable[Stage]) -> str:
    """Return the line that describes stages, with the values that are not their defaults; see `Pipeline.to_line`."""
    return ", ".join(map(_stage_words, stages))


def _stage_words(stage: Stage) -> str:
    parameters = stage.parameters()
    changed = {key: value for key, value in stage.values().items() if value != parameters[key].default}
    return ":".join([get_host().name(type(stage)), *(f"{key}={_word(value)}" for key, value in changed.items())])


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(map(_word, value))
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    return value if _PLAIN.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_watchers(text: str) -> list[Watcher]:
    """Return the watchers that one line describes, as `--watch` takes them: `time-log:path=log.jsonl`.

    Args:
        text: names with parameters, in the words of `Pipeline.parse`.

    Raises:
        UnknownNameError: no installed plugin offers a watcher of that name.
        ParameterError: a parameter that it does not have, or a value out of its range.

    Example:
        >>> parse_watchers("")
        []
    """
    return _parse(text, get_host().watcher)


D = TypeVar("D", bound=Declared)


def _parse(text: str, look_up: Callable[[str], type[D]]) -> list[D]:
    """Return the values that one line describes, of classes that are looked up by name."""
    made: list[D] = []
    before = ""
    for part in filter(None, (part.strip() for part in split(text, ","))):
        name, *settings = split(part, ":")
        if "(" in name:
            raise ParameterError(
                f"{part!r} is written as Python; here parameters follow a colon\n"
                f"  what to type: {name.partition('(')[0].strip()}:parameter=value"
            )
        try:
            kind = look_up(name.strip())
        except LookupError as error:
            if made and "=" in before:
                raise UnknownNameError(
                    f'{error}\n  what to type for a value with a comma: "…", in quotation marks'
                ) from None
            raise
        kind.warn_if_renamed(name.strip())
        before = part
        values: dict[str, Any] = {}
        for setting in settings:
            key, equals, value = setting.partition("=")
            if not equals:
                typed = "preset=" + key if key in getattr(kind, "presets", ()) else "parameter=value"
                raise ParameterError(f"{name}: {setting!r} is not a setting\n  what to type: {name}:{typed}")
            key = key.strip().replace("-", "_")
            (current,) = kind.current_names({key: value}, warn=False)
            values[key] = parse_value(value, kind.parameters().get(current))
        made.append(kind.from_values(values))
    return made


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
    """Split text at a character, except inside quotation marks, which begin a value or an entry.

    Raises:
        ParameterError: a quotation mark is not closed.
    """
    parts, quote, before, escaped = [""], "", separator, False
    for letter in text:
        if quote:
            if letter == quote and not escaped:
                quote = ""
            escaped = letter == "\\" and quote == '"' and not escaped
        elif letter in "'\"" and before in "=+,:":
            quote = letter
        if letter == separator and not quote:
            parts.append("")
        else:
            parts[-1] += letter
        before = before if letter.isspace() else letter
    if quote:
        raise ParameterError(f"{text}: the quotation mark {quote} is not closed\n  what to type: another {quote}")
    return parts
