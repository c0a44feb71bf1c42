"""Blind rating: a page that shows two pictures and asks which is better, and ranks from what people answered."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..errors import ParameterError, quoted
from ..files import make_folder
from ..picture import read
from .page import html_document
from .ranking import Strength, bradley_terry
from .study_run import Row, StudyRun
from .tables import write_text

BODY = """
<div class="bar">Which is the better picture? <kbd>←</kbd> left, <kbd>→</kbd> right, <kbd>↓</kbd> the same,
<kbd>Backspace</kbd> takes an answer back · <span id="count"></span>
<p id="unkept" hidden>This browser keeps no answers: save them before you leave.</p></div>
<div class="given" id="given"><figure><img alt="content"><figcaption>content</figcaption></figure>
<figure><img alt="style"><figcaption>style</figcaption></figure></div>
<div class="two" id="two"><button><img alt="left"></button><button><img alt="right"></button></div>
<p id="done" hidden>That was all. Thank you: save your answers, and hand the file in.</p>
<div class="bar"><button id="same">the same</button><button id="undo">take back</button>
<input id="rater" placeholder="your name" aria-label="your name"><button id="save">save answers</button></div>
"""


class Rank(NamedTuple):
    """How one painter stands among the others."""

    painter: str
    strength: Strength
    compared: int
    preferred: float
    """Share of its comparisons that it won; a tie counts as half."""


def write_rating_page(run: StudyRun, rows: Sequence[Row]) -> Path:
    """Write a folder `rating/` that can be handed out: pictures without names or recipes, and the page that shows them.

    Args:
        run: the study at work.
        rows: of its pictures.

    Returns:
        The page.

    Raises:
        ParameterError: no pair of content and style has two pictures.
    """
    sets = [found for found in _sets(rows) if len(found) > 1]
    if not sets:
        raise ParameterError(
            "a rating: no two pictures to compare\n  what would work: two pipelines, or pictures painted elsewhere"
        )
    folder = run.folder / "rating"
    make_folder(folder)
    shown = []
    for found in sets:
        for row in found:
            read(run.folder / row.picture).save(folder / f"{blind_name(row)}.png", recipe=False)
        inputs = {"content": f"inputs/contents/{found[0].content}.png", "style": None}
        inputs["style"] = f"inputs/styles/{found[0].style}.png" if found[0].style else None
        kept: dict[str, Any] = {"pictures": sorted(map(blind_name, found))}
        for kind, source in inputs.items():
            kept[kind] = source and f"{kind}-{hashlib.sha256(source.encode()).hexdigest()[:16]}.png"
            if source:
                shutil.copyfile(run.folder / source, folder / kept[kind])
        shown.append(kept)
    page = html_document("Which is better?", BODY, {"study": {"identity": identity_of(rows), "sets": shown}}, "rating")
    write_text(folder / "index.html", page)
    return folder / "index.html"


def blind_name(row: Row) -> str:
    """Return a name of a picture that does not say who painted it."""
    return hashlib.sha256(f"{row.painter}\n{row.identity}".encode()).hexdigest()[:16]


def identity_of(rows: Sequence[Row]) -> str:
    """Return a digest of the pictures that are rated."""
    names = sorted(blind_name(row) for row in rows if "" not in row.errors)
    return hashlib.sha256("".join(names).encode()).hexdigest()[:16]


def read_wins(rows: Sequence[Row], files: Sequence[Path], painters: Sequence[str]) -> torch.Tensor:
    """Return how often each painter was preferred to each other one, (N, N), by the files that raters saved.

    An answer that one rater gave twice of the same two pictures counts once, as it was last.

    Args:
        rows: of the pictures of the study.
        files: as the page saves them.
        painters: in the order of rows and columns.

    Raises:
        ParameterError: a file is something else, or of another study.
    """
    place = {blind_name(row): painters.index(row.painter) for row in rows if "" not in row.errors}
    votes: dict[tuple[str, frozenset[str]], tuple[int, int, str]] = {}
    for file in files:
        rater, answers = _answers(file)
        for answer in answers:
            left, right, better = (str(answer.get(key)) for key in ("left", "right", "better"))
            if left not in place or right not in place or better not in ("left", "right", "same"):
                raise ParameterError(
                    f"{file}: has an answer of pictures that this study does not have\n"
                    "  what would work: files that the page of this study saved; pictures painted anew are others"
                )
            votes[rater, frozenset((left, right))] = (place[left], place[right], better)
    wins = torch.zeros(len(painters), len(painters), dtype=torch.float64)
    for first, second, better in votes.values():
        share = {"left": 1.0, "right": 0.0, "same": 0.5}[better]
        wins[first, second] += share
        wins[second, first] += 1 - share
    return wins


def ranks_of(wins: torch.Tensor, painters: Sequence[str]) -> list[Rank]:
    """Return how painters stand, the strongest first; those that nobody compared are left out.

    Args:
        wins: (N, N), how often row was preferred to column.
        painters: their names.

    Raises:
        ValueError: two groups that were never compared.

    Example:
        >>> [rank.painter for rank in ranks_of(torch.tensor([[0.0, 1.0], [4.0, 0.0]]), ["adain", "wct"])]
        ['wct', 'adain']
    """
    counted = wins + wins.mT
    there = counted.sum(1) > 0
    strengths = bradley_terry(wins[there][:, there]) if there.any() else []
    names = list(itertools.compress(painters, there.tolist()))
    ranks = []
    for name, strength, index in zip(names, strengths, there.nonzero().flatten().tolist(), strict=True):
        compared = float(counted[index].sum())
        ranks.append(Rank(name, strength, round(compared), float(wins[index].sum()) / compared))
    return sorted(ranks, key=lambda rank: -rank.strength.value)


def write_ranks(folder: Path, ranks: Sequence[Rank]) -> None:
    """Write `ranks.csv` into a study's folder."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["painter", "strength", "low", "high", "preferred", "compared"])
    writer.writerows([rank.painter, *rank.strength, rank.preferred, rank.compared] for rank in ranks)
    write_text(folder / "ranks.csv", out.getvalue())


def _sets(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the pictures of one content in one style."""
    by_pair: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "" not in row.errors:
            by_pair.setdefault((row.content, row.style), []).append(row)
    yield from by_pair.values()


def _answers(file: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return who rated, and the answers, of a file that a stranger may have made."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        rater, answers = found["rater"], found["votes"]
    except (ValueError, KeyError, TypeError, RecursionError):
        rater, answers = None, None
    if not isinstance(rater, str) or not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
        raise ParameterError(
            f"{file}: is no file of answers, found {quoted(rater)} as rater\n  what would work: what the page saves"
        )
    return rater, answers
