"""What became of each picture of a run: a JSON line each, where they are asked for, and the counts at the end."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..picture import Picture
from .errors import DONE, INTERRUPTED, in_words_of_the_command
from .loading import STANDARD

Outcome = Literal["painted", "skipped", "failed", "interrupted"]


@dataclass
class Row:
    """What became of one picture.

    Args:
        content: the photograph, as it was named.
        file: the picture that was written, or would have been.
        outcome: how it ended.
        width: of the picture in pixels; None where there is none.
        height: likewise.
        seconds: from reading to writing.
        seed: of the run.
        warnings: as sentences.
        error: the message, where it failed.
    """

    content: str
    file: str
    outcome: Outcome
    width: int | None = None
    height: int | None = None
    seconds: float = 0.0
    seed: int = 0
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


class Rows:
    """The rows of a run; each is printed as a JSON line as it comes, if asked for.

    Args:
        given: with `json`.
        seed: of the run.
    """

    def __init__(self, given: argparse.Namespace, seed: int) -> None:
        self.printed: bool = given.json
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.row: Row | None = None

    @contextmanager
    def of(self, content: Path, target: Path) -> Iterator[Row]:
        """Note what happens inside the block, which says what it comes to, as the row of one picture."""
        row = Row(str(content), str(target), "painted", seed=self.seed)
        began = time.perf_counter()
        with warnings.catch_warnings():
            if self.printed:
                # A warning is of the picture that it comes with, also where another has had the same.
                warnings.simplefilter("always")
                warnings.showwarning = lambda message, *_, **__: row.warnings.append(
                    in_words_of_the_command(str(message))
                )
            yield row
        row.seconds = round(time.perf_counter() - began, 3)
        self.counts[row.outcome] += 1
        if self.printed:
            print(json.dumps(vars(row), ensure_ascii=False), flush=True)

    def said(self, total: int) -> str:
        """Return the counts as text: `3 painted, 1 failed, 2 not done`."""
        done = {"painted": self.counts["painted"]} | {
            outcome: self.counts[outcome] for outcome in ("skipped", "failed") if self.counts[outcome]
        }
        if self.counts["interrupted"]:
            done["not done"] = total - sum(done.values())
        return ", ".join(f"{count} {outcome}" for outcome, count in done.items())


def outcome_of(code: int) -> Outcome:
    """Return how a picture ended, by the exit code of what painted it."""
    return "painted" if code == DONE else "interrupted" if code == INTERRUPTED else "failed"


def picture_size(row: Row, picture: Picture) -> None:
    """Write the size of a picture into its row."""
    row.height, row.width = picture.size


def check_rows(given: argparse.Namespace, out: Any) -> None:
    """Raise where lines and a picture would both go to standard output."""
    if given.json and str(out) == STANDARD:
        raise ValueError(
            "run: --json and the picture would both go to standard output\n  what would work: --out picture.png"
        )
