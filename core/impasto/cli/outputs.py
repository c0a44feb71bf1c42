"""What painting commands write: where pictures go, the progress bar, and the line about it."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ..files import PICTURES, local_path
from ..picture import Picture, check_format, check_targets, files_written
from ..picture.arrays import integer_pixels
from ..picture.encoding import file_bytes
from ..pipeline import Pipeline, ProgressBar, check_apart, check_named_files, parse_watchers
from ..stage import Declared, Stage, Watcher
from ..stream import interrupted_path
from .arguments import FormatArgument
from .loading import STANDARD


def apply_format(given: argparse.Namespace) -> None:
    """Take quality and depth from --format, where it says them.

    Raises:
        ValueError: they are said otherwise by --quality or --bits as well; or the picture is no file in a folder.
    """
    out = local_path(given.out)
    if given.format == FormatArgument():
        return
    if out.suffix.lower() in PICTURES and not out.is_dir() and out.suffix.lower() != given.format.suffix:
        raise ValueError(
            f"run: --format says {given.format.suffix} and --out {out}\n  what to type: --out {out.stem}, a folder"
        )
    for name in ("quality", "bits"):
        if (value := getattr(given.format, name)) is not None:
            setattr(given, name, value)


def output_paths(contents: Sequence[Path], out: Path, suffix: str = ".png") -> list[Path]:
    """Return where each painted picture goes: into a folder, or one to a file.

    Args:
        contents: the photographs.
        out: a folder or a file.
        suffix: of files in a folder; a PNG keeps its recipe.

    Raises:
        ValueError: several pictures for one file.
        PictureError: a name that is no folder and ends as a file of another kind does.
    """
    if str(out) == STANDARD:
        if len(contents) > 1:
            raise ValueError(
                f"run: {len(contents)} pictures do not fit into standard output\n  what to type: --out FOLDER"
            )
        return [out]
    if re.fullmatch(r"\.[A-Za-z]\w{1,3}", out.suffix) and not out.is_dir():
        check_format(out)  # a mistyped suffix must not become a folder of that name
    if out.suffix.lower() in PICTURES and not out.is_dir():
        if len(contents) > 1:
            raise ValueError(
                f"run: {len(contents)} pictures do not fit into the one file {out}\n  what to type: --out {out.stem}"
            )
        return [out]
    sources: dict[Path, Path] = {}
    for content in contents:
        target = out / f"{'stdin' if str(content) == STANDARD else content.stem}{suffix}"
        if target in sources:
            raise ValueError(
                f"run: {sources[target]} and {content} would both be painted to {target}\n"
                "  what would work: other names, or one run for each with its own --out"
            )
        sources[target] = content
    return list(sources)


def check_outputs(
    paths: Sequence[Path], inputs: Iterable[str | Path], stages: Sequence[Declared], given: argparse.Namespace
) -> None:
    """Raise where painted pictures cannot be written, or what there is of them at an interruption, or their recipes.

    Raises:
        ParameterError: a stage or watcher writes to one of these files for itself.
        PictureError: the format cannot be written with these options, or a file is one of the inputs.
        OSError: a name or folder does not allow it.
    """
    if str(paths[0]) == STANDARD:
        check_format("painted.png", given.bits, given.quality)
        if sys.stdout.isatty():
            raise ValueError("standard output is a terminal, which shows no picture\n  what to type: -o out.png")
        return
    check_targets(paths, inputs)  # first: a folder has no format
    form = check_format(paths[0], given.bits, given.quality)
    written = (files_written(name, form, given.recipe) for name in chain(paths, map(interrupted_path, paths)))
    files = [file for files in written for file in files]
    check_apart(files, stages)
    check_targets(files, inputs)


def save_picture(picture: Picture, path: Path, inputs: Iterable[str | Path], given: argparse.Namespace) -> None:
    """Write a painted picture with the options of the command line; the inputs are never overwritten.

    For `-` a PNG goes to standard output.
    """
    if str(path) == STANDARD:
        recipe = None if given.recipe is False else picture.meta.recipe
        pixels = integer_pixels(picture.tensor, picture.alpha, given.bits)
        sys.stdout.buffer.write(file_bytes(pixels, "PNG", given.quality, picture.meta, recipe))
        sys.stdout.buffer.flush()
        picture.meta.remove_superseded()
        return
    picture.save(path, bits=given.bits, quality=given.quality, recipe=given.recipe, keep=list(inputs))


def interrupted_output(path: Path) -> Path:
    """Return where the picture so far goes: under its own name, or --skip-existing would take it for finished."""
    return path if str(path) == STANDARD else interrupted_path(path)


def print_result(out: Path, text: str, json: bool = False) -> None:
    """Print the line about what was painted, to standard error where standard output has a picture or JSON lines."""
    print(text, file=sys.stderr if json or str(out) == STANDARD else sys.stdout)


def watchers_of(given: argparse.Namespace, stages: Sequence[Stage], inputs: Iterable[str | Path]) -> list[Watcher]:
    """Return the watchers that --watch names.

    Args:
        given: with `watch`, a list of lines.
        stages: of the pipeline, which may write files too.
        inputs: files that are read, over which nothing is written.

    Raises:
        LookupError: no installed plugin offers such a watcher.
        ParameterError: a value does not fit, or a file cannot be written.
    """
    watchers = [watcher for line in given.watch for watcher in parse_watchers(line)]
    check_named_files([*stages, *watchers], [file for file in inputs if str(file) != STANDARD])
    return watchers


def plugins_of(watchers: Sequence[Watcher]) -> list[Any]:
    """Return what takes part in a run: the bar of iterative stages, seen on a terminal, and the watchers."""
    return [ProgressBar(sys.stderr.isatty()), *watchers]


def stage_names(pipeline: Pipeline) -> str:
    """Return the names of a pipeline's stages on one line."""
    return " → ".join(stage.name for stage in pipeline.stages) or "no stages"


def elapsed(began: float) -> str:
    """Return how long ago something began: `3.2 s`."""
    return f"{time.perf_counter() - began:.1f} s"
