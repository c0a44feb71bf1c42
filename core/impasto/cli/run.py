"""`impasto run`: a saved pipeline on many pictures; `video` has the frames of one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..device import pick_device
from ..files import check_folder, check_name, expand, local_path, make_folder
from ..picture import check_format, picture_suffixes
from ..pipeline import own_canvas_size
from .errors import DONE, FAILED, INTERRUPTED, exit_code_of, print_message, report_error
from .loading import STANDARD, read_picture, read_pipeline, read_styles
from .outputs import (
    check_outputs,
    elapsed,
    interrupted_output,
    output_paths,
    plugins_of,
    print_result,
    save_picture,
    watchers_of,
)
from .paint import paint_picture
from .video import animation_among, frames_of, paint_frames, run_frames


def execute(given: argparse.Namespace) -> int:
    """Run a saved pipeline on pictures, or on the frames of a video."""
    contents = expand(given.content, picture_suffixes)
    check_name(given.out)
    out = local_path(given.out)
    if not given.content:
        return run_without_content(given, out)
    frames = frames_of(contents, out, given.max_pixels)
    if frames is not None:
        return run_frames(given, contents, frames, out)
    return run_pictures(given, contents)


def run_without_content(given: argparse.Namespace, out: Path) -> int:
    """Run a saved pipeline whose canvas a stage brings.

    Raises:
        ValueError: none does, or the picture would go into a folder, where it has no name.
    """
    pipeline, how = read_pipeline(given)
    if own_canvas_size(pipeline.stages) is None:
        raise ValueError(
            f"run: no stage of {given.pipeline} brings a canvas of its own, so there is nothing to paint\n"
            "  what to type: --content photo.jpg"
        )
    if given.out != STANDARD and (out.is_dir() or not out.suffix):
        raise ValueError(
            f"run: {out} is a folder, and without a content the picture has no name\n  what to type: --out picture.png"
        )
    if given.skip_existing and given.out != STANDARD and out.exists():
        print_message(f"{out} exists and is left as it is")
        return DONE
    inputs = [*(style.file for style in given.style), given.pipeline]
    watchers = watchers_of(given, pipeline.stages, inputs)
    check_outputs([out], inputs, [*pipeline.stages, *watchers], given)
    pick_device(given.device)
    styles = read_styles(given.style, given.max_pixels)
    return paint_picture(given, pipeline, None, styles, out, inputs, watchers, **how)


def run_pictures(given: argparse.Namespace, contents: Sequence[Path]) -> int:
    """Run a saved pipeline on each picture by itself; one that fails is reported and the others go on."""
    pipeline, how = read_pipeline(given)  # first: of a stranger, it may be one that is refused
    others = [*(style.file for style in given.style), given.pipeline]
    watchers = watchers_of(given, pipeline.stages, [*contents, *others])
    targets = output_paths(contents, local_path(given.out))
    folder = targets[0].parent
    if given.out != STANDARD:
        check_folder(folder)
    if given.out == STANDARD or folder.is_dir():  # else it is made below, and there is nothing in it yet
        check_outputs(targets, [*contents, *others], [*pipeline.stages, *watchers], given)
    else:
        check_format(targets[0], given.bits, given.quality)
    pick_device(given.device)
    plugins = plugins_of(watchers)
    limit = given.max_pixels
    styles = read_styles(given.style, limit)
    if given.out != STANDARD:
        make_folder(folder)
    began = time.perf_counter()
    painted = skipped = failed = 0
    stopped = ""
    with tqdm(contents, unit="picture", disable=not sys.stderr.isatty()) as bar:
        for content, target in zip(bar, targets, strict=True):
            if given.skip_existing and target.exists():
                skipped += 1
                continue
            try:
                if frames := animation_among(content, limit):
                    target = target.with_suffix(content.suffix.lower())
                    if given.skip_existing and target.exists():
                        skipped += 1
                        continue
                    inputs = [content, *others]
                    code = paint_frames(given, pipeline, watchers, frames, target, inputs, **how)
                    if code == INTERRUPTED:
                        stopped = f"{content}: interrupted"
                        break
                    painted += code == DONE
                    failed += code != DONE
                    continue
                picture = pipeline(
                    read_picture(content, limit),
                    styles,
                    device=given.device,
                    plugins=plugins,
                    **how,
                )
                if picture.interrupted is not None:
                    target = interrupted_output(target)
                    stopped = f"{content}: interrupted, {picture.interrupted}"
                save_picture(picture, target, [content, *others], given)
                if stopped:
                    stopped += f"; {target} is the picture so far"
            except KeyboardInterrupt:
                stopped = f"{content}: interrupted; nothing was written of it"
            except Exception as error:
                report_error(error, given.traceback, f"{content}: ")
                if exit_code_of(error) is None:
                    return FAILED
                failed += 1
                if not stopped:
                    continue
            if stopped:
                break
            painted += 1
    if stopped:
        print_message(stopped)
    counts = [f"{painted} painted"]
    counts += [f"{number} {outcome}" for number, outcome in ((skipped, "skipped"), (failed, "failed")) if number]
    if stopped:
        counts.append(f"{len(contents) - painted - skipped - failed} not done")
    print_result(targets[0], f"{', '.join(counts)}, {elapsed(began)}, in {folder}")
    return INTERRUPTED if stopped else FAILED if failed else DONE
