"""`impasto paint`: one photograph, animation or video in the manner of one or several paintings."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..device import pick_device
from ..files import check_name, local_path
from ..functional.resizing import size_text
from ..host import get_host
from ..picture import Picture
from ..pipeline import Pipeline, own_canvas_size, read_mask
from ..pipeline.work_size import millimetres, work_size
from ..stage import Style, Watcher
from .arguments import style_argument
from .beside import masks_given
from .errors import DONE, INTERRUPTED, print_message
from .loading import read_picture, read_styles
from .outputs import (
    check_outputs,
    elapsed,
    interrupted_output,
    plugins_of,
    print_result,
    save_picture,
    stage_names,
    watchers_of,
)
from .preview import paint_preview, preview_path
from .video import frames_of, paint_frames

PREFERRED = ("adain", "gatys")
"""Stylizers to paint with, the first that is installed, when no stages are given."""


def execute(given: argparse.Namespace) -> int:
    """Paint one picture."""
    for name in (given.content, given.out):
        check_name(name)
    out = local_path(given.out)
    if given.skip_existing and out.exists():
        print_message(f"{out} exists and is left as it is")
        return DONE
    if given.look is not None and given.stages is not None:
        raise ValueError(
            "paint: --look brings its own stages\n  what would work: --look or --with; impasto looks NAME shows them"
        )
    if given.look is not None:
        pipeline = Pipeline.look(given.look)
    else:
        pipeline = Pipeline.parse(given.stages if given.stages is not None else default_stages())
    if own_canvas_size(pipeline.stages) is not None:  # then all of them are paintings
        given.content, given.style = None, [style_argument(given.content), *given.style]
    inputs = [
        *filter(None, [given.content]),
        *(style.file for style in given.style),
        *filter(None, [given.mask]),
        *(region.file for region in given.guides),
    ]
    limit = given.max_pixels
    frames = None if given.content is None else frames_of([local_path(given.content)], out, limit)
    watchers = watchers_of(given, pipeline.stages, inputs)
    if frames is None:
        check_outputs([out], inputs, [*pipeline.stages, *watchers], given)
        if given.preview:
            check_outputs([preview_path(out)], inputs, [*pipeline.stages, *watchers], given)
    pick_device(given.device)
    masks = masks_given(given).read(limit)
    mask = masks.pop("mask")
    run: dict[str, Any] = {**masks, "precision": given.precision or "auto", "seed": given.seed or 0}
    run |= {"size": given.size, "print": given.print, "strokes": given.strokes}
    if given.preview and (frames is not None or given.content is None):
        raise ValueError("paint: --preview is of a photograph\n  what would work: the same without --preview")
    if frames is not None:
        return paint_frames(given, pipeline, watchers, frames, out, inputs, mask=mask, **run)
    content = None if given.content is None else read_picture(given.content, limit)
    styles = read_styles(given.style, limit)
    if given.preview and content is not None:
        paint_preview(given, pipeline, content, styles, out, inputs, mask, run)
    run["mask"] = mask if mask is None or content is None else read_mask(mask, content.tensor)
    return paint_picture(given, pipeline, content, styles, out, inputs, watchers, **run)


def paint_picture(
    given: argparse.Namespace,
    pipeline: Pipeline,
    content: Picture | None,
    styles: Sequence[Style],
    out: Path,
    inputs: Sequence[str | Path],
    watchers: Sequence[Watcher],
    **run: Any,
) -> int:
    """Paint a picture, write it and print a line about it.

    Args:
        given: options of the command line.
        pipeline: what paints.
        content: None where a stage brings a canvas.
        styles: the paintings.
        out: the file.
        inputs: files that are read, over which nothing is written.
        watchers: of the run.
        run: options of the run.

    Returns:
        The command's exit code.
    """
    began = time.perf_counter()
    painted = pipeline(content, styles, device=given.device, plugins=plugins_of(watchers), **run)
    if painted.interrupted is not None:
        out = interrupted_output(out)
    save_picture(painted, out, inputs, given)
    if painted.interrupted is not None:
        print_message(f"interrupted, {painted.interrupted}; {out} is the picture so far")
        return INTERRUPTED
    made = f"{out}: {size_text(painted.size)}, {stage_names(pipeline)}"
    print_result(out, f"{made}{_sizes(pipeline, painted, run)}, {elapsed(began)}", given.json)
    return DONE


def _sizes(pipeline: Pipeline, painted: Picture, run: Mapping[str, Any]) -> str:
    """Return what to say of the size that was painted at, and of the print."""
    side = work_size(pipeline.stages, run["size"], run["print"], run["strokes"])
    said = f", painted at {side} pixels" if side is not None and side < max(painted.size) else ""
    if run["print"] is not None and painted.meta.density is not None:
        centimetres = millimetres(run["print"], "print") / 10 / max(painted.size)
        height, width = (side * centimetres for side in painted.size)
        said += f", {width:.3g} × {height:.3g} cm at {painted.meta.density[0]:g} pixels to the inch"
    return said


def default_stages() -> str:
    """Return the stylizer to paint with when none is given.

    Raises:
        LookupError: none of them is installed.
    """
    for name in PREFERRED:
        if name in get_host().stylizers:
            return name
    raise LookupError(
        f"paint: no stages were given, and neither {' nor '.join(PREFERRED)} is installed\n"
        f"  installed: {', '.join(get_host().stylizers) or 'no stylizer'}\n"
        "  what to type: --with NAME, or pip install impasto-adain"
    )
