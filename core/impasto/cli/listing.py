"""Listings of what is installed: plugins with what they offer, stages with their parameters."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from packaging.utils import canonicalize_name

from ..host import get_host
from ..host.directory import directory
from ..stage import Declared, Parameter, Stage


def plugin_lines() -> Iterator[str]:
    """Yield each distribution with what it offers, then what did not load, then conflicts."""
    width = max(40, shutil.get_terminal_size().columns)
    for distribution in get_host().distributions:
        yield distribution
        for kind, names in get_host().offers(distribution).items():
            indent = " " * 17
            yield textwrap.fill(
                ", ".join(names),
                width,
                initial_indent=f"  {kind:<15}",
                subsequent_indent=indent,
                break_on_hyphens=False,  # which names have
            )
    if get_host().broken:
        yield "did not load"
        yield from (textwrap.indent(f"{name}: {why}", "  ") for name, why in get_host().broken.items())
    if get_host().conflicts:
        yield "offered by several, so that each goes by its qualified name, such as impasto-mine/sketch"
        yield from (
            f"  {name}: by {' and '.join(distributions)}" for name, distributions in get_host().conflicts.items()
        )


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


def offer_text(kind: str, name: str, offered: Any) -> str:
    """Return what a plugin offers under a name: what it is, whose, and its parameters as a table if it has any.

    Args:
        kind: "stage", "encoder", "trainer" and so on.
        name: by which it was asked for.
        offered: a class of stages, trainers or watchers, or a function, such as an encoder's loader.
    """
    declared = isinstance(offered, type) and issubclass(offered, Declared)
    about = offered.summary() if declared else next(iter((inspect.getdoc(offered) or "").splitlines()), "")
    lines = [f"{offered.name if declared else name}: {about}".removesuffix(": ")]
    lines.append(f"  {getattr(offered, 'kind', kind)} of {get_host().distribution(offered)}")
    if not declared:
        return "\n".join(lines)
    parameters = offered.parameters().values()
    lines.append("")
    if not parameters:
        return "\n".join([*lines, "it has no parameters"])
    rows = [("parameter", "default", "range", "what it does")]
    rows += [(one.name, default_text(one), one.range, one.help) for one in parameters]
    # The range is wrapped where it lists many choices, the help in what is left of the line.
    widths = [max(len(row[column]) for row in rows) for column in (0, 1, 2)]
    widths[2] = min(widths[2], 30)
    rest = max(24, shutil.get_terminal_size().columns - sum(widths) - 6)
    for row in rows:
        cells = [textwrap.wrap(text, room) or [""] for text, room in zip(row, [*widths, rest], strict=True)]
        for index in range(max(map(len, cells))):
            parts = [cell[index] if index < len(cell) else "" for cell in cells]
            padded = [part.ljust(room) for part, room in zip(parts, [*widths, 0], strict=True)]
            lines.append("  ".join(padded).rstrip())
    example = next(iter(parameters))
    usage = {
        "stage": f"in a pipeline: --with {offered.name}:{example.name}={with_value(example)}",
        "watcher": f"for a run: --watch {offered.name}:{example.name}={with_value(example)}",
        "trainer": f"to train: impasto train {offered.name} --help",
    }
    lines += ["", usage[kind]]
    if isinstance(offered, type) and issubclass(offered, Stage):
        lines += preset_lines(offered)
    return "\n".join(lines)


def preset_lines(stage: type[Stage]) -> Iterator[str]:
    """Yield a stage's presets: what each is for, and the values that it stands for."""
    if not stage.presets:
        return
    yield from ("", f"presets: --with {stage.name}:preset={next(iter(stage.presets))}")
    indent = " " * (max(map(len, stage.presets)) + 4)
    width = max(len(indent) + 24, shutil.get_terminal_size().columns)
    for name, preset in stage.presets.items():
        values = ", ".join(f"{key}={value_text(value)}" for key, value in preset.values.items())
        first = f"  {name}".ljust(len(indent))
        yield textwrap.fill(preset.help, width, initial_indent=first, subsequent_indent=indent)
        yield textwrap.fill(values, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def default_text(parameter: Parameter) -> str:
    """Return a parameter's default as text."""
    return "required" if parameter.required else with_value(parameter)


def with_value(parameter: Parameter) -> str:
    """Return a parameter's default as `--with` takes it."""
    return "…" if parameter.required else value_text(parameter.default)


def value_text(value: Any) -> str:
    """Return a value of a parameter as `--with` takes it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
