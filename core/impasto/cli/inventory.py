"""What is installed, in words: plugins, stages with their parameters, networks, versions and devices."""

from __future__ import annotations

import os
import platform
import shutil
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING
from pathlib import Path

import torch

from ..device import use_bfloat16
from ..errors import WeightsError
from ..host import get_host, version
from ..networks import encoders
from ..stage import Parameter, Stage
from ..weights import Weights, find


def plugin_lines() -> Iterator[str]:
    """Yield each distribution with what it offers, then what did not load, then conflicts."""
    width = max(40, shutil.get_terminal_size().columns)
    for distribution in get_host().distributions:
        yield distribution
        for sort, names in get_host().offers(distribution).items():
            indent = " " * 17
            yield textwrap.fill(", ".join(names), width, initial_indent=f"  {sort:<15}", subsequent_indent=indent)
    if get_host().broken:
        yield "did not load"
        yield from (f"  {name}: {why}" for name, why in get_host().broken.items())
    if get_host().conflicts:
        yield "offered twice, so neither is used"
        yield from (f"  {name}: by {' and '.join(guilty)}" for name, guilty in get_host().conflicts.items())


def stage_table(stage: type[Stage]) -> str:
    """Return a stage's parameters with defaults, ranges and help, as a table."""
    lines = [f"{stage.name}: {stage.summary()}", f"  {stage.kind} of {get_host().distribution(stage)}", ""]
    parameters = stage.parameters().values()
    if not parameters:
        return "\n".join([*lines, "it has no parameters"])
    rows = [("parameter", "default", "range", "what it does")]
    rows += [(one.name, default(one), one.range, one.help) for one in parameters]
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
    lines += ["", f"in a pipeline: --with {stage.name}:{example.name}={toml(example)}"]
    return "\n".join(lines)


def stage_list() -> str:
    """Return every stage with its parameters, defaults and ranges, for the end of a help text."""
    width = max(40, shutil.get_terminal_size().columns)
    lines = ["stages, with their parameters (impasto plugins STAGE says what each does):"]
    for name, stage in get_host().stages.items():
        lines += ["", f"  {textwrap.shorten(f'{name}: {stage.summary()}', width - 2, placeholder=' …')}"]
        text = "; ".join(f"{one.name}={default(one)} ({one.range})" for one in stage.parameters().values())
        if text:
            lines.append(textwrap.fill(text, width, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(
        lines if get_host().stages else ["no stages are installed: pip install impasto-gatys impasto-adain"]
    )


def default(parameter: Parameter) -> str:
    """Say a parameter's default."""
    return "required" if parameter.default is MISSING else toml(parameter)


def toml(parameter: Parameter) -> str:
    """Write a parameter's default as `--with` takes it."""
    value = parameter.default
    if value is MISSING or value is None:
        return "…" if value is MISSING else "none"
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def records() -> dict[Weights, list[str]]:
    """Return every known network's record with the names of what uses it."""
    found: dict[Weights, list[str]] = {one: ["encoders"] for one in vars(encoders).values() if isinstance(one, Weights)}
    for name, stage in get_host().stages.items():
        for record in stage.known_weights:
            found.setdefault(record, []).append(name)
    return found


@contextmanager
def without_network() -> Iterator[None]:
    """Look for weights on this machine alone."""
    before = os.environ.get("IMPASTO_OFFLINE")
    os.environ["IMPASTO_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["IMPASTO_OFFLINE"]
        else:
            os.environ["IMPASTO_OFFLINE"] = before


def report_lines() -> Iterator[str]:
    """Yield versions, devices, plugins and the state of the networks that ship, one to a line."""
    yield f"impasto {version('impasto')}"
    yield f"python {platform.python_version()}, {platform.platform()}"
    for name in ("torch", "torchvision", "kornia", "scikit-image", "pillow", "numpy", "pluggy", "safetensors"):
        yield f"{name} {version(name)}".replace("unknown", "not installed")
    native = "bfloat16" if use_bfloat16(torch.device("cpu"), "auto") else "float32"
    yield f"cpu: {cpu_name()}, {torch.get_num_threads()} threads of {os.cpu_count()}, computes in {native}"
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        native = "bfloat16" if use_bfloat16(torch.device("cuda", index), "auto") else "float32"
        yield f"cuda:{index}: {device.name}, {device.total_memory / 2**30:.1f} GiB, computes in {native}"
    if torch.backends.mps.is_available():
        yield "mps: available"
    yield ""
    yield from plugin_lines()
    yield ""
    with without_network():
        for record in records():
            if record.file is not None:
                try:
                    find(record)
                    yield f"{record.name}: there, sha256 as it should be"
                except WeightsError as error:
                    yield f"{record.name}: {str(error).splitlines()[0]}"


def cpu_name() -> str:
    """Return the processor's name as its maker writes it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
