"""`impasto run` and `paint` on the frames of a video or an animation, or on pictures that become one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from ..files import PICTURES, VIDEOS
from ..picture import Picture, check_target
from ..pipeline import Pipeline, check_apart
from ..stage import Watcher
from ..stream import Animation, AnimationFile, Video, animation, interrupted_path, write
from .beside import masks_given
from .errors import DONE, INTERRUPTED, print_message, report_error
from .loading import STANDARD, read_pipeline, read_styles
from .outputs import elapsed, plugins_of, print_result, stage_names, watchers_of
from .rows import Rows, outcome_of

Frames = Video | Animation | Sequence[Path]
"""What is painted frame after frame."""


def frames_of(contents: Sequence[Path], out: Path, limit: int | None) -> Frames | None:
    """Return what is painted frame after frame: a video, an animation, or pictures that become one.

    Args:
        contents: files.
        out: where it goes.
        limit: of pixels a frame.

    Returns:
        None where each picture is painted by itself.

    Raises:
        ValueError: a video among other files, or frames that would go into a picture.
    """
    suffix = "" if out.is_dir() else out.suffix.lower()
    videos = [path for path in contents if path.suffix.lower() in VIDEOS]
    if videos and len(contents) > 1:
        raise ValueError(
            f"{videos[0]}: is a video, and a video goes alone\n  what to type: one run for each, --content {videos[0]}"
        )
    frames: Video | Animation | None = None
    if videos:
        if suffix in PICTURES and (suffix == ".png" or suffix not in AnimationFile.suffixes):
            raise _one_picture(f"{videos[0]}: is a video", out)
        frames = Video(videos[0], max_pixels=limit)
    elif len(contents) == 1 and contents[0].is_file():
        frames = animation(contents[0], limit)
        if frames is not None and suffix in PICTURES and suffix not in AnimationFile.suffixes:
            raise _one_picture(f"{contents[0]}: holds {frames.count} pictures", out)
    if frames is None and suffix in (*VIDEOS, ".gif", ".apng"):
        return contents
    return frames


def animation_among(content: Path, limit: int | None) -> Animation | None:
    """Return the animation that one of many files holds, which is painted as one; None where it holds a picture."""
    if content.suffix.lower() not in AnimationFile.suffixes or not content.is_file():
        return None
    return animation(content, limit)


def _one_picture(found: str, out: Path) -> ValueError:
    return ValueError(
        f"{found} and {out} a picture\n"
        f"  what to type: --out {out.stem}.mp4, --out {out.stem}.gif, or a folder: --out {out.stem}"
    )


def run_frames(given: argparse.Namespace, contents: Sequence[Path], frames: Frames, out: Path) -> int:
    """Run a saved pipeline on frames; return the exit code."""
    if given.sheet is not None:
        raise ValueError(
            "run: --sheet shows photographs, each beside what was made of it, and this is a clip\n"
            "  what would work: the same without --sheet"
        )
    masks = masks_given(given)
    inputs = [*contents, *(style.file for style in given.style), given.pipeline, *masks.files()]
    if given.skip_existing and out.is_file():
        print_message(f"{out} exists and is left as it is")
        return DONE
    pipeline, how = read_pipeline(given)
    watchers = watchers_of(given, pipeline.stages, inputs)
    with Rows(given, how["seed"]).of(contents[0], out) as row:
        code = paint_frames(given, pipeline, watchers, frames, out, inputs, **masks.read(given.max_pixels), **how)
        row.outcome = outcome_of(code)
    return code


def paint_frames(
    given: argparse.Namespace,
    pipeline: Pipeline,
    watchers: Sequence[Watcher],
    frames: Frames,
    out: Path,
    inputs: Sequence[str | Path],
    **options: Any,
) -> int:
    """Paint frame after frame into a video, an animation or a folder; return the exit code.

    Raises:
        ValueError: `-`.
        PictureError: the output is one of the inputs.
        OSError: it cannot be made.
    """
    if STANDARD in (str(out), str(inputs[0])):
        raise ValueError(
            f"{given.command}: frames are neither read from standard input nor written to standard output\n"
            "  what would work: files"
        )
    limit = given.max_pixels
    kept = out
    declared = [*pipeline.stages, *watchers]
    if out.suffix and not out.is_dir():
        check_apart([out, interrupted_path(out)], declared)
        check_target(out, inputs)
        kept = interrupted_path(out)
    else:
        check_apart([out], declared)
    before = _stamp(kept)
    began = time.perf_counter()
    cuts: list[bool] = []
    try:
        count = write(
            _noting_cuts(
                pipeline.stream(
                    frames,
                    read_styles(given.style, limit),
                    device=given.device,
                    plugins=plugins_of(watchers),
                    max_pixels=limit,
                    **options,
                ),
                cuts,
            ),
            out,
            shown=sys.stderr.isatty(),
            total=len(frames) if isinstance(frames, Sequence) else frames.count,
            keep=inputs,
            bits=given.bits,
            quality=given.quality,
            recipe=given.recipe,
        )
    except (KeyboardInterrupt, Exception) as error:
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else report_error(error, given.traceback)
        outcome = f"{kept} holds the frames so far" if _stamp(kept) != before else "nothing was written"
        print_message(f"interrupted; {outcome}" if code == INTERRUPTED else outcome)
        return code
    rate = count / (time.perf_counter() - began)
    frames_said = "1 frame" if count == 1 else f"{count} frames"
    speed = f"{elapsed(began)}, {rate:.1f} frames per second"
    print_result(out, f"{out}: {frames_said}, {stage_names(pipeline)}, {speed}{_cuts_said(cuts)}", given.json)
    return DONE


def _noting_cuts(frames: Iterator[Picture], cuts: list[bool]) -> Iterator[Picture]:
    """Yield frames, and add to a list whether each begins a new shot, where anybody looked."""
    with closing(cast("Generator[Picture]", frames)):
        for frame in frames:
            if frame.meta.cut is not None:
                cuts.append(frame.meta.cut)
            yield frame


def _cuts_said(cuts: Sequence[bool]) -> str:
    """Return how many cuts were found, for a line about a clip; nothing where no stage looks back."""
    return f", {sum(cuts) or 'no'} cut{'s' * (sum(cuts) != 1)} found" if cuts else ""


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells whether a file or folder has changed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
