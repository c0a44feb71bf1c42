"""What painting commands write: where pictures go, the progress bar, and the line about it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..files import PICTURES
from ..picture import Picture
from ..pipeline import Pipeline, ProgressBar


def output_paths(contents: Sequence[Path], out: Path) -> list[Path]:
    """Return where each painted picture goes: into a folder as PNG, which keeps its recipe, or one to a file.

    Raises:
        ValueError: several pictures for one file.
    """
    if out.suffix.lower() in PICTURES and not out.is_dir():
        if len(contents) > 1:
            raise ValueError(
                f"run: {len(contents)} pictures do not fit into the one file {out}\n  what to type: --out {out.stem}"
            )
        return [out]
    sources: dict[Path, Path] = {}
    for content in contents:
        target = out / f"{content.stem}.png"
        if target in sources:
            raise ValueError(
                f"run: {sources[target]} and {content} would both be painted to {target}\n"
                "  what would work: other names, or one run for each with its own --out"
            )
        sources[target] = content
    return list(sources)


def save_picture(picture: Picture, path: Path, inputs: Iterable[str | Path], given: argparse.Namespace) -> None:
    """Write a painted picture with the options of the command line; the inputs are never overwritten."""
    picture.save(path, bits=given.bits, quality=given.quality, recipe=given.recipe, keep=list(inputs))


def progress_bar() -> ProgressBar:
    """Return the bar of iterative stages, which is seen where standard error is a terminal."""
    return ProgressBar(sys.stderr.isatty())


def stage_names(pipeline: Pipeline) -> str:
    """Return the names of a pipeline's stages on one line."""
    return " → ".join(stage.name for stage in pipeline.stages) or "no stages"


def elapsed(began: float) -> str:
    """Return how long ago something began: `3.2 s`."""
    return f"{time.perf_counter() - began:.1f} s"
