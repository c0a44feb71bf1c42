"""`impasto run` on the frames of a video, or of pictures that become one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..files import PICTURES, VIDEOS, local_path
from ..picture import check_target
from ..stream import Video, interrupted_path, write
from .errors import DONE, INTERRUPTED, print_message, report_error
from .loading import max_pixels, read_pipeline, read_styles
from .outputs import elapsed, progress_bar, stage_names


def run_frames(given: argparse.Namespace, contents: Sequence[Path]) -> int:
    """Run a saved pipeline on the frames of a video, or make a video of pictures; return the exit code.

    Raises:
        ValueError: a video among other files, or one that would go into a picture.
    """
    videos = [path for path in contents if path.suffix.lower() in VIDEOS]
    if videos and len(contents) > 1:
        raise ValueError(
            f"run: {videos[0]} is a video, and a video goes alone\n"
            f"  what to type: one run for each, --content {videos[0]}"
        )
    out = local_path(given.out)
    inputs = [*contents, *(style.file for style in given.style), given.pipeline]
    to_video = out.suffix.lower() in VIDEOS
    if to_video:
        check_target(out, inputs)
    elif out.suffix.lower() in PICTURES and not out.is_dir():
        raise ValueError(
            f"run: {videos[0]} is a video and {out} a picture\n"
            f"  what to type: --out {out.stem}.mp4, or a folder: {out.stem}"
        )
    if to_video and given.skip_existing and out.exists():
        print_message(f"{out} exists and is left as it is")
        return DONE
    pipeline, seed, precision = read_pipeline(given)
    limit = max_pixels(given)
    frames = Video(videos[0], max_pixels=limit) if videos else contents
    began = time.perf_counter()
    try:
        count = write(
            pipeline.stream(
                frames,
                read_styles(given.style, limit),
                device=given.device,
                precision=precision,
                seed=seed,
                plugins=[progress_bar()],
                max_pixels=limit,
            ),
            out,
            shown=sys.stderr.isatty(),
            total=frames.count if isinstance(frames, Video) else len(frames),
            keep=inputs,
        )
    except (KeyboardInterrupt, Exception) as error:
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else report_error(error, given.traceback)
        rest = interrupted_path(out) if to_video else out
        outcome = f"{rest} holds the frames so far" if rest.exists() else "nothing was written"
        print_message(f"interrupted; {outcome}" if code == INTERRUPTED else outcome)
        return code
    rate = count / (time.perf_counter() - began)
    print(f"{out}: {count} frames, {stage_names(pipeline)}, {elapsed(began)}, {rate:.1f} frames per second")
    return DONE
