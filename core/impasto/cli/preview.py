"""`impasto paint --preview`: what a picture will look like, small and soon."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..picture import Picture
from ..pipeline import Pipeline, read_mask
from ..stage import Style
from .loading import STANDARD
from .outputs import elapsed, plugins_of, print_result, save_picture

SIDE = 256
"""Pixels of a preview's longer side."""


def preview_path(out: Path) -> Path:
    """Return where the preview of a picture goes, beside it.

    Raises:
        ValueError: the picture goes to standard output.

    Example:
        >>> preview_path(Path("out.png")).name
        'out.preview.png'
    """
    if str(out) == STANDARD:
        raise ValueError("--preview writes a second picture, beside the first\n  what to type: -o out.png --preview")
    return out.with_name(f"{out.stem}.preview{out.suffix}")


def quick(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose stages take no more steps than `impasto demo` gives them."""
    for index, stage in enumerate(pipeline.stages):
        steps, few = stage.values().get("steps"), stage.demo.get("steps")
        if isinstance(steps, int) and isinstance(few, int) and few < steps:
            pipeline = pipeline.replace(index, steps=few)
    return pipeline


def paint_preview(
    given: argparse.Namespace,
    pipeline: Pipeline,
    content: Picture,
    styles: Sequence[Style],
    out: Path,
    inputs: Iterable[str | Path],
    mask: Picture | None,
    run: Mapping[str, Any],
) -> None:
    """Paint a small picture and write it beside the one that follows.

    Args:
        given: options of the command line.
        pipeline: what paints.
        content: in full size.
        styles: the paintings.
        out: where the picture itself will go.
        inputs: files that are read.
        mask: as large as the content.
        run: options of the run: guides as large as the content, seed and precision.

    Raises:
        KeyboardInterrupt: the preview is not finished, or the picture is not wanted.
    """
    began, small = time.perf_counter(), content.fit_within(SIDE)
    guides = {label: guide.fit_within(SIDE) for label, guide in (run["guides"] or {}).items()}
    painted = quick(pipeline)(
        small,
        styles,
        mask=None if mask is None else read_mask(mask.fit_within(SIDE), small.tensor),
        guides=guides or None,
        device=given.device,
        precision=run["precision"],
        seed=run["seed"],
        plugins=plugins_of([]),
    )
    if painted.interrupted is not None:
        raise KeyboardInterrupt
    target = preview_path(out)
    save_picture(painted, target, inputs, given)
    print_result(target, f"{target}: a preview, {elapsed(began)}; Ctrl-C if the picture is not wanted")
