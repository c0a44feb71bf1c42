"""What a study found: means by painter, for the terminal, and files of every number."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..files import write_atomically
from ..host import get_host, version
from ..pipeline import Pipeline
from .study_run import Row, StudyRun

Means = Mapping[str, Mapping[str, float | None]]
"""Of each column by painter; None where nothing was measured."""

COSTS: Mapping[str, Callable[[Row], float | None]] = {
    "s": lambda row: row.seconds,
    "MP/s": lambda row: row.megapixels_per_second,
    "MiB": lambda row: row.mebibytes,
}
"""What a painting took, by column."""
COST_HELP = {
    "s": "seconds of a painting, the median",
    "MP/s": "megapixels a second, the median",
    "MiB": "most memory that a painting took beside its networks, in mebibytes; the largest",
}
HIGHER = ("MP/s",)


def column_names(run: StudyRun) -> list[str]:
    """Return the columns of tables: metrics, then what a painting took."""
    return [*run.study.measured, *COSTS]


def is_higher_better(run: StudyRun, column: str) -> bool:
    """Return whether more is better in a column."""
    metric = run.study.measured.get(column)
    return column in HIGHER if metric is None else metric.better == "higher"


def value_of(row: Row, column: str) -> float | None:
    """Return a row's number in a column; None where there is none."""
    return COSTS[column](row) if column in COSTS else row.values.get(column)


def means_of(run: StudyRun, rows: Sequence[Row]) -> Means:
    """Return the mean of each metric by painter, over its pictures; of times the median, of memory the most.

    Times count where the painter had painted before: the first of its pictures waits for its networks.
    """
    found: dict[str, dict[str, float | None]] = {}
    for painter in run.study.painters:
        own = [row for row in rows if row.painter == painter]
        found[painter] = {}
        for column in column_names(run):
            values = {id(row): value for row in own if (value := value_of(row, column)) is not None}
            if column not in COSTS:
                found[painter][column] = statistics.fmean(values.values()) if values else None
                continue
            warm = [values[id(row)] for row in own if row.warm and id(row) in values] or [*values.values()]
            middle = max if column == "MiB" else statistics.median
            found[painter][column] = middle(warm) if warm else None
    return found


def incomplete(rows: Sequence[Row], painter: str) -> str:
    """Return how many pictures a painter's means are of, where some failed: means of others are not comparable.

    Args:
        rows: of the study's pictures.
        painter: whose.
    """
    own = [row for row in rows if row.painter == painter]
    painted = sum("" not in row.errors for row in own)
    return "" if painted == len(own) else f" ({painted} of {len(own)})"


def number(value: float | None) -> str:
    """Return a number with three digits that count; "" for None.

    Example:
        >>> number(0.01234), number(123.456), number(None)
        ('0.0123', '123', '')
    """
    if value is None:
        return ""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def terminal_table(run: StudyRun, rows: Sequence[Row]) -> str:
    """Return the means by painter as text: a line each, an arrow where to, and a star at the best of a column."""
    means = means_of(run, rows)
    columns = [column for column in column_names(run) if any(line[column] is not None for line in means.values())]
    head = ["", *(f"{column} {'↑' if is_higher_better(run, column) else '↓'}" for column in columns)]
    lines = [head]
    for painter, line in means.items():
        cells = [f"{painter if len(painter) <= 40 else f'{painter[:39]}…'}{incomplete(rows, painter)}"]
        for column in columns:
            every = [one[column] for one in means.values()]
            known = [value for value in every if value is not None]
            best = max(known) if is_higher_better(run, column) else min(known)
            star = "*" if line[column] == best and len(known) > 1 else " "
            cells.append(f"{number(line[column])}{star}")
        lines.append(cells)
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def csv_text(run: StudyRun, rows: Sequence[Row]) -> str:
    """Return every row as CSV, its numbers in full."""
    columns = column_names(run)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["painter", "content", "style", "picture", "width", "height", *columns, "errors"])
    for row in rows:
        values = [value_of(row, column) for column in columns]
        errors = "; ".join(f"{name}: {why}" if name else why for name, why in row.errors.items())
        writer.writerow([row.painter, row.content, row.style, row.picture, row.width, row.height, *values, errors])
    return out.getvalue()


def study_record(run: StudyRun, rows: Sequence[Row], command: Sequence[str]) -> dict[str, Any]:
    """Return everything that is needed to do a study again, and what it found.

    Args:
        run: the study at work.
        rows: of its pictures.
        command: as it was typed.
    """
    study = run.study
    return {
        "command": list(command),
        "made": {
            "impasto": version("impasto"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "device": str(run.device),
            "threads": torch.get_num_threads(),
        },
        "study": {
            "size": study.size,
            "seed": study.seed,
            "precision": study.precision,
            "paired": study.paired,
            "encoder": run.encoder,
            "contents": [{"file": str(file), "sha256": run.digests[file]} for file in study.contents],
            "styles": [{"file": str(file), "sha256": run.digests[file]} for file in study.styles],
            "painters": {
                name: {
                    "pipeline": painter.to_toml(),
                    "plugins": sorted({get_host().distribution(type(stage)) for stage in painter.stages}),
                }
                if isinstance(painter, Pipeline)
                else {"pictures": str(painter)}
                for name, painter in study.painters.items()
            },
            "metrics": {
                name: {
                    "better": metric.better,
                    "unit": metric.unit,
                    "measures": metric.summary,
                    "offered by": study.origin(name),
                }
                for name, metric in study.measured.items()
            },
        },
        "means": means_of(run, rows),
        "pictures": [
            {
                "painter": row.painter,
                "content": row.content,
                "style": row.style,
                "picture": row.picture,
                "size": [row.width, row.height],
                "values": {column: value_of(row, column) for column in column_names(run)},
                "errors": row.errors,
            }
            for row in rows
        ],
    }


def write_text(path: Path, text: str) -> None:
    """Write a file of text whole, in UTF-8.

    Raises:
        OSError: it cannot be written; says what would work.
    """
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8", newline=""))


def write_tables(run: StudyRun, rows: Sequence[Row], command: Sequence[str]) -> None:
    """Write `results.csv` and `results.json` into the study's folder.

    Args:
        run: the study at work.
        rows: of its pictures.
        command: as it was typed.
    """
    write_text(run.folder / "results.csv", csv_text(run, rows))
    record = json.dumps(study_record(run, rows, command), indent=2, ensure_ascii=False)
    write_text(run.folder / "results.json", f"{record}\n")
