"""Listings of what is installed: plugins with what they offer, stages with their parameters."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from ..host import get_host
from ..stage import Parameter, Stage, Watcher


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


def stage_table(stage: type[Stage] | type[Watcher]) -> str:
    """Return a stage's or a watcher's parameters with defaults, ranges and help, as a table."""
    lines = [f"{stage.name}: {stage.summary()}", f"  {stage.kind} of {get_host().distribution(stage)}", ""]
    parameters = stage.parameters().values()
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
    where = "in a pipeline: --with" if issubclass(stage, Stage) else "for a run: --watch"
    lines += ["", f"{where} {stage.name}:{example.name}={with_value(example)}"]
    return "\n".join(lines)


def stage_list() -> str:
    """Return every stage with its parameters, defaults and ranges, for the end of a help text."""
    width = max(40, shutil.get_terminal_size().columns)
    lines = ["stages, with their parameters (impasto plugins STAGE says what each does):"]
    for name, stage in get_host().stages.items():
        lines += ["", f"  {textwrap.shorten(f'{name}: {stage.summary()}', width - 2, placeholder=' …')}"]
        text = "; ".join(f"{one.name}={default_text(one)} ({one.range})" for one in stage.parameters().values())
        if text:
            lines.append(textwrap.fill(text, width, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(
        lines if get_host().stages else ["no stages are installed: pip install impasto-gatys impasto-adain"]
    )


def default_text(parameter: Parameter) -> str:
    """Return a parameter's default as text."""
    return "required" if parameter.required else with_value(parameter)


def with_value(parameter: Parameter) -> str:
    """Return a parameter's default as `--with` takes it."""
    value = parameter.default
    if parameter.required or value is None:
        return "…" if parameter.required else "none"
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
