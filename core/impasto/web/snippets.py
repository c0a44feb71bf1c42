"""The same as a job, elsewhere: as Python, as a command, as TOML."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Mapping
from typing import Any

from ..pipeline import Pipeline
from ..stage import Stage


def job_code(header: Mapping[str, Any]) -> dict[str, str]:
    """Return what paints the same picture as a job: `toml`, `python` and `command`.

    Args:
        header: what a worker is told to paint.
    """
    pipeline = Pipeline.from_toml(header["pipeline"])
    return {
        "toml": header["pipeline"],
        "python": as_python(pipeline, header),
        "command": as_command(pipeline, header),
    }


def _paintings(header: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Return a name for the file of each painting, its weight, and the region that it covers."""
    several = len(header["styles"]) > 1
    return [
        (f"painting-{index}.jpg" if several else "painting.jpg", weight, region)
        for index, (_, weight, region) in enumerate(header["styles"], 1)
    ]


def _area(label: str) -> str:
    return f"{label.replace(' ', '-')}.png"


def as_python(pipeline: Pipeline, header: Mapping[str, Any]) -> str:
    """Return a program that paints what a job does.

    Args:
        pipeline: of the job.
        header: what a worker is told to paint.
    """
    styles = []
    for name, weight, region in _paintings(header):
        more = [f"weight={weight:g}"] * (weight != 1) + [f'region="{region}"'] * bool(region)
        styles.append(f'impasto.Style("{name}", {", ".join(more)})' if more else f'"{name}"')
    words = ['"photo.jpg"', *([f"[{', '.join(styles)}]"] if len(styles) > 1 else styles)]
    words += ['mask="mask.png"'] if "mask" in header["names"] else []
    areas = ", ".join(f'"{label}": "{_area(label)}"' for label in header["regions"])
    words += [f"guides={{{areas}}}"] if areas else []
    words += [f"{key}={header[key]}" for key in ("seed", "size") if header[key]]
    imports = sorted({_import(type(stage)) for stage in pipeline.stages})
    lines = ["import impasto", *imports, "", f"pipe = impasto.{pipeline!r}"]
    return "\n".join([*lines, f'pipe({", ".join(words)}).save("painted.png")', ""])


def _import(kind: type[Stage]) -> str:
    """Return the line that imports a stage: from its package, where that has it by name."""
    package = kind.__module__.partition(".")[0]
    place = package if hasattr(importlib.import_module(package), kind.__name__) else kind.__module__
    return f"from {place} import {kind.__name__}"


def as_command(pipeline: Pipeline, header: Mapping[str, Any]) -> str:
    """Return the command that paints what a job does.

    Args:
        pipeline: of the job.
        header: what a worker is told to paint.
    """
    words = ["impasto", "paint", "photo.jpg"]
    for name, weight, region in _paintings(header):
        words.append((f"{region}=" if region else "") + name + (f":{weight:g}" if weight != 1 else ""))
    words += ["-o", "painted.png", "--with", pipeline.to_line()]
    words += ["--mask", "mask.png"] if "mask" in header["names"] else []
    words += ["--guides", *(f"{label}={_area(label)}" for label in header["regions"])] if header["regions"] else []
    words += [word for key in ("seed", "size") if header[key] for word in (f"--{key}", str(header[key]))]
    return shlex.join(words)
