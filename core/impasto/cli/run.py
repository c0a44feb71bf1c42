"""`impasto run`: a saved pipeline on many pictures; `video` has the frames of one."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from ..device import pick_device
from ..files import check_folder, check_name, expand, local_path, make_folder
from ..picture import check_format, check_target, picture_suffixes
from ..pipeline import own_canvas_size
from .before_after import write_sheet
from .beside import MaskFiles, masks_beside, masks_given, said_of
from .errors import DONE, FAILED, INTERRUPTED, exit_code_of, in_words_of_the_command, print_message, report_error
from .loading import STANDARD, read_picture, read_pipeline, read_styles
from .outputs import (
    apply_format,
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
from .rows import Row, Rows, check_rows, outcome_of, picture_size
from .video import animation_among, frames_of, paint_frames, run_frames


def execute(given: argparse.Namespace) -> int:
    """Run a saved pipeline on pictures, or on the frames of a video."""
    contents = expand(given.content, picture_suffixes)
    check_name(given.out)
    out = local_path(given.out)
    check_rows(given, out)
    apply_format(given)
    if not given.content:
        return run_without_content(given, out)
    contents, beside = masks_beside(contents)
    frames = frames_of(contents, out, given.max_pixels)
    if frames is not None:
        if beside:
            print_message(f"warning: {said_of(beside, contents)}; of a clip's frames they are not used, --mask is")
        return run_frames(given, contents, frames, out)
    return run_pictures(given, contents, beside)


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
    shared = masks_given(given)
    if shared.files():
        raise ValueError(
            "run: a canvas that a stage brings has no mask of a photograph\n  what would work: the same without --mask"
        )
    with Rows(given, how["seed"]).of(Path(given.pipeline), out) as row:
        code = paint_picture(given, pipeline, None, styles, out, inputs, watchers, **how)
        row.outcome = outcome_of(code)
    return code


def run_pictures(given: argparse.Namespace, contents: Sequence[Path], beside: Mapping[Path, MaskFiles]) -> int:
    """Run a saved pipeline on each picture by itself; one that fails is reported and the others go on.

    Args:
        given: options of the command line.
        contents: the photographs.
        beside: masks that lie beside them, used where none is given for all.
    """
    pipeline, how = read_pipeline(given)  # first: of a stranger, it may be one that is refused
    shared = masks_given(given)
    masks = {} if shared.files() else beside
    others = [*(style.file for style in given.style), given.pipeline, *shared.files()]
    watchers = watchers_of(given, pipeline.stages, [*contents, *others])
    targets = output_paths(contents, local_path(given.out), given.format.suffix)
    folder = targets[0].parent
    inputs = [*contents, *others, *(file for one in masks.values() for file in one.files())]
    if given.out != STANDARD:
        check_folder(folder)
    if given.out == STANDARD or folder.is_dir():  # else it is made below, and there is nothing in it yet
        check_outputs(targets, inputs, [*pipeline.stages, *watchers], given)
    else:
        check_format(targets[0], given.bits, given.quality)
    sheet = None if given.sheet is None else local_path(given.sheet)
    if sheet is not None:
        check_format(sheet)
        check_target(sheet, [*inputs, *targets])
    pick_device(given.device)
    if masks:
        print_message(said_of(masks, contents))
    styles = read_styles(given.style, given.max_pixels)
    common = shared.read(given.max_pixels)
    if given.out != STANDARD:
        make_folder(folder)
    began = time.perf_counter()
    rows = Rows(given, how["seed"])
    plugins = plugins_of(watchers)

    def paint(content: Path, target: Path, row: Row) -> None:
        if frames := animation_among(content, given.max_pixels):
            target = target.with_suffix(content.suffix.lower())
            row.file = str(target)
            if given.skip_existing and target.exists():
                row.outcome = "skipped"
                return
            code = paint_frames(given, pipeline, watchers, frames, target, [content, *others], **common, **how)
            row.outcome = outcome_of(code)
            return
        picture = pipeline(
            read_picture(content, given.max_pixels),
            styles,
            device=given.device,
            plugins=plugins,
            **(masks[content].read(given.max_pixels) if content in masks else common),
            **how,
        )
        if picture.interrupted is not None:
            row.outcome, row.file = "interrupted", str(interrupted_output(target))
        save_picture(picture, Path(row.file), inputs, given)
        picture_size(row, picture)
        if picture.interrupted is not None:
            print_message(f"{content}: interrupted, {picture.interrupted}; {row.file} is the picture so far")

    with tqdm(contents, unit="picture", disable=not sys.stderr.isatty()) as bar:
        for content, target in zip(bar, targets, strict=True):
            with rows.of(content, target) as row:
                if given.skip_existing and target.exists():
                    row.outcome = "skipped"
                    continue
                try:
                    paint(content, target, row)
                except KeyboardInterrupt:
                    row.outcome = "interrupted"
                    print_message(f"{content}: interrupted; nothing was written of it")
                except Exception as error:
                    row.outcome, row.error = "failed", in_words_of_the_command(str(error))
                    named = str(error).startswith(str(content))
                    report_error(error, given.traceback, "" if named else f"{content}: ")
                    if exit_code_of(error) is None:
                        return FAILED
            if row.outcome == "interrupted":
                break
    if sheet is not None:
        write_sheet(list(zip(contents, targets, strict=True)), sheet, inputs, given.max_pixels)
    text = f"{rows.said(len(contents))}, {elapsed(began)}, in {folder}"
    print_result(targets[0], text, given.json)
    return INTERRUPTED if rows.counts["interrupted"] else FAILED if rows.counts["failed"] else DONE
