"""`impasto paint`: one photograph, animation or video in the manner of one or several paintings."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..device import pick_device
from ..files import check_name, local_path
from ..functional.resizing import size_text
from ..host import get_host
from ..pipeline import Pipeline, read_mask
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
    inputs = [
        given.content,
        *(style.file for style in given.style),
        *filter(None, [given.mask]),
        *(region.file for region in given.guides),
    ]
    limit = given.max_pixels
    frames = frames_of([local_path(given.content)], out, limit)
    pipeline = Pipeline.parse(given.stages if given.stages is not None else default_stages())
    watchers = watchers_of(given, pipeline.stages, inputs)
    if frames is None:
        check_outputs([out], inputs, [*pipeline.stages, *watchers], given)
    pick_device(given.device)
    guides = {region.label: read_picture(region.file, limit) for region in given.guides}
    if len(guides) < len(given.guides):
        labels = ", ".join(region.label for region in given.guides)
        raise ValueError(f"paint: --guides names a region twice: {labels}\n  what would work: one file for each region")
    run: dict[str, Any] = {"guides": guides or None, "precision": given.precision or "auto", "seed": given.seed or 0}
    mask = None if given.mask is None else read_picture(given.mask, limit)
    if frames is not None:
        return paint_frames(given, pipeline, watchers, frames, out, inputs, mask=mask, **run)
    content = read_picture(given.content, limit)
    styles = read_styles(given.style, limit)
    began = time.perf_counter()
    painted = pipeline(
        content,
        styles,
        mask=None if mask is None else read_mask(mask, content.tensor),
        device=given.device,
        plugins=plugins_of(watchers),
        **run,
    )
    if painted.interrupted is not None:
        out = interrupted_output(out)
    save_picture(painted, out, inputs, given)
    if painted.interrupted is not None:
        print_message(f"interrupted, {painted.interrupted}; {out} is the picture so far")
        return INTERRUPTED
    print_result(out, f"{out}: {size_text(painted.size)}, {stage_names(pipeline)}, {elapsed(began)}")
    return DONE


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
