"""`impasto evaluate`: pipelines side by side on many pictures, measured, in a table and on a page."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..errors import ParameterError
from ..evaluation import (
    Cell,
    Row,
    Study,
    StudyRun,
    ranks_of,
    read_wins,
    terminal_table,
    write_page,
    write_ranks,
    write_rating_page,
    write_tables,
)
from ..files import check_folder, expand, files_in, local_path, make_folder
from ..picture import picture_suffixes
from ..pipeline import Pipeline
from .errors import DONE, FAILED, INTERRUPTED, print_message, report_error
from .outputs import stage_names

NAMED = re.compile(r"([^:=,]+)=(.*)", re.DOTALL)
"""`soft=adain:alpha=0.5`: a name, and what it is of; a stage's parameters come behind a colon."""


def execute(given: argparse.Namespace) -> int:
    """Paint and measure what is not yet, and write the table and the page of what there is."""
    painters: dict[str, Pipeline | Path] = {}
    for line in given.stages:
        add_painter(painters, *pipeline_argument(line))
    for line in given.pictures:
        add_painter(painters, *folder_argument(line))
    study = Study(
        contents=tuple(expand(given.content, picture_suffixes)),
        styles=tuple(expand(given.style, picture_suffixes)) if given.style else (),
        painters=painters,
        paired=given.paired,
        size=given.size,
        encoder=given.encoder,
        metrics=tuple(filter(None, (name.strip() for name in (given.metrics or "").split(",")))),
        lpips=given.lpips,
        seed=given.seed,
        precision=given.precision,
        device=given.device,
        max_pixels=given.max_pixels,
    )
    folder = local_path(given.out)
    check_folder(folder)
    run = StudyRun(study, folder)
    rows: list[Row] = []

    def failed(cell: Cell, error: Exception) -> None:
        report_error(error, given.traceback, f"{cell.painter}, {cell.stem}: ")

    interrupted = False
    total = sum(1 for _ in study.cells())
    with tqdm(total=total, unit="picture", disable=not sys.stderr.isatty()) as bar:
        try:
            for row in run.rows(failed):
                rows.append(row)
                bar.update()
        except KeyboardInterrupt:
            interrupted = True
    write_tables(run, rows, ["impasto", *sys.argv[1:]])
    page = write_page(run, rows)
    if rows:
        print(terminal_table(run, rows))
    for name, why in {(name, why): None for row in rows for name, why in row.errors.items() if name}:
        print_message(f"{name} was not measured of some pictures: {why}")
    lost = sum("" in row.errors for row in rows)
    if given.rate and not interrupted:
        rate(run, rows)
    print(f"{len(rows) - lost} pictures{f', {lost} failed' if lost else ''}; {page} shows them")
    if interrupted:
        print_message(f"interrupted; {total - len(rows)} pictures are not done\n  what to do: the same command again")
        return INTERRUPTED
    return FAILED if any(row.errors for row in rows) else DONE


def rate(run: StudyRun, rows: Sequence[Row]) -> None:
    """Write the page of a blind rating, and the ranks of what raters answered so far."""
    answers = run.folder / "ratings"
    make_folder(answers)
    page = write_rating_page(run, rows)
    print(f"{page} asks which of two is better; put what raters save into {answers} and give the command again")
    files = sorted(files_in(answers, [".json"]))
    if not files:
        return
    painters = [*run.study.painters]
    ranks = ranks_of(read_wins(rows, files, painters), painters)
    write_ranks(run.folder, ranks)
    print(f"preferences of {len(files)} raters, in logits about the mean, with 95 % intervals")
    width = max((len(rank.painter) for rank in ranks), default=0)
    for rank in ranks:
        value, low, high = rank.strength
        print(
            f"  {rank.painter:{width}}  {value:+.2f}  [{low:+.2f}, {high:+.2f}]"
            f"  preferred {rank.preferred:.0%} of {rank.compared} times"
        )


def add_painter(painters: dict[str, Pipeline | Path], name: str, painter: Pipeline | Path) -> None:
    """Add what paints under a name.

    Raises:
        ParameterError: the name is taken.
    """
    if name in painters:
        raise ParameterError(f"evaluate: two are called {name}\n  what to type: --with other={name}")
    painters[name] = painter


def pipeline_argument(text: str) -> tuple[str, Pipeline]:
    """Return the name and the pipeline that `soft=adain:alpha=0.5`, `adain` or `soft=film.toml` stands for.

    Args:
        text: as typed behind `--with`; a pipeline without a name is called by its text.
    """
    named = NAMED.fullmatch(text)
    name, line = (named[1].strip(), named[2].strip()) if named else (text.strip(), text.strip())
    pipeline = Pipeline.load(local_path(line)) if line.endswith(".toml") else Pipeline.parse(line)
    return name or stage_names(pipeline), pipeline


def folder_argument(text: str) -> tuple[str, Path]:
    """Return the name and the folder that `theirs=results/` or `results/` stands for.

    Args:
        text: as typed behind `--pictures`.

    Raises:
        ParameterError: there is no such folder.
    """
    named = NAMED.fullmatch(text)
    name, place = (named[1].strip(), named[2]) if named and not Path(text).is_dir() else ("", text)
    folder = local_path(place)
    if not folder.is_dir():
        raise ParameterError(
            f"evaluate: there is no folder {folder}\n  what to type: --pictures theirs=FOLDER, of finished pictures"
        )
    return name or folder.resolve().name, folder
