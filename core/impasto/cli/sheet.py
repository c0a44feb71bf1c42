"""`impasto sheet`: every method, or every value of a parameter, on one's own pictures, small, as a contact sheet."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from ..device import pick_device
from ..errors import ParameterError
from ..files import check_name, local_path
from ..host import get_host
from ..notebook import Panel, contact_sheet, parameter_place, swept
from ..picture import Picture, read
from ..pipeline import Pipeline, parse_value
from ..pipeline.parsing import split
from .arguments import StyleArgument
from .errors import DONE, FAILED, INTERRUPTED, print_message, report_error
from .loading import STANDARD, read_picture, read_styles
from .outputs import check_outputs
from .paint import default_stages
from .tiles import Tile, looks_at_styles, method_tile, no_stylizer, paint_tiles, where_and_when

EVERY = 2.0
"""Seconds after which the sheet is written anew while tiles come."""


def execute(given: argparse.Namespace) -> int:
    """Paint a sheet, tile by tile; what there is of it is kept when it is interrupted."""
    for name in (given.content, given.out):
        check_name(name)
    if given.out == STANDARD:
        raise ValueError("sheet: the sheet is written again and again\n  what to type: -o impasto-sheet.png")
    columns = None
    if given.sweep:
        rows = sweep_tiles(given.stages, given.sweep)
        tiles, columns = [tile for row in rows for tile in row], len(rows[0])
    else:
        tiles = [_tile(line) for line in given.stages] or method_tiles(bool(given.style))
    out, inputs = local_path(given.out), [given.content, *(style.file for style in given.style)]
    stages = [stage for tile in tiles if tile.pipeline is not None for stage in tile.pipeline.stages]
    check_outputs([out], inputs, stages, given)
    pick_device(given.device)
    content = read_picture(given.content, given.max_pixels).fit_within(given.size)
    styles = read_styles(given.style, given.max_pixels)
    shown = [Panel("content", _file_name(given.content), content.pil())]
    paintings = zip(given.style, styles, strict=True)
    shown += [Panel("style", _file_name(style.file), read(one.image).pil()) for style, one in paintings]
    options = {"device": given.device, "precision": given.precision or "auto", "seed": given.seed or 0}
    began, written, code = time.perf_counter(), 0.0, DONE
    panels: list[Panel] = []

    def write() -> Picture:
        note = f"--size {given.size} --with NAME: {where_and_when(len(panels), began, given.device)}"
        sheet = read(contact_sheet(shown, panels, note, columns))
        sheet.save(out, keep=inputs)
        return sheet

    try:
        for done in paint_tiles(tiles, content, styles, **options):
            panels.append(done.panel)
            if done.error is not None:
                report_error(done.error, given.traceback, f"{done.tile.name}: ")
                code = FAILED
            elif done.tile.pipeline is not None:
                print(f"{done.panel.note:>6}  {line_to_type(done.tile.pipeline, given)}", flush=True)
            if time.perf_counter() - written > EVERY:
                write()
                written = time.perf_counter()
    except KeyboardInterrupt:
        if not panels:
            raise
        print_message(f"interrupted; {out} has the tiles so far")
        code = INTERRUPTED
    height, width = write().size
    print(f"{out}: {len(panels)} of {len(tiles)} tiles, {width}×{height}, {time.perf_counter() - began:.1f} s")
    return code


def method_tiles(styled: bool) -> list[Tile]:
    """Return a tile for every stylizer: those of one pass first, with their presets, then those that take steps.

    Args:
        styled: whether there is a style picture, without which those are left out that need one.

    Raises:
        LookupError: no stylizer is installed, or each needs a style picture.
    """
    stylizers = get_host().stylizers
    if not stylizers:
        raise no_stylizer("sheet")
    quick: list[Tile] = []
    slow: list[Tile] = []
    lacking: list[Tile] = []
    for name, stylizer in stylizers.items():
        if stylizer.style == "required" and not styled:
            continue
        tile = method_tile(name, stylizer)
        if tile.pipeline is None:
            lacking.append(tile)
        elif "steps" in stylizer.parameters():
            slow.append(tile)
        else:
            quick += [tile, *(_tile(f"{name}:preset={preset}") for preset in stylizer.presets)]
    if not quick + slow:
        raise LookupError(
            "sheet: every method needs a style picture\n  what to type: impasto sheet photo.jpg painting.jpg"
        )
    return quick + slow + lacking


def sweep_tiles(stages: Sequence[str], sweeps: Sequence[str]) -> list[list[Tile]]:
    """Return rows of tiles of a pipeline with values of one or two parameters.

    Args:
        stages: the pipeline, one line; none: the stage that a name in `sweeps` begins with, else the default.
        sweeps: one or two, `adain.alpha=0.3,0.6,1`.

    Raises:
        ParameterError: one is written otherwise, there are more, or a value does not fit.
    """
    if len(sweeps) > 2 or len(stages) > 1:
        raise ParameterError(
            "sheet: a sweep is of one pipeline, and one or two parameters\n"
            "  what would work: one --with, and one or two --sweep"
        )
    named = sweeps[0].partition("=")[0].rpartition(".")[0]
    pipeline = Pipeline.parse(stages[0] if stages else named or default_stages())
    values = {}
    for text in sweeps:
        name, equals, listed = text.partition("=")
        if not equals or not listed:
            raise ParameterError(f"sheet: {text!r} is no sweep\n  what to type: --sweep adain.alpha=0.3,0.6,1")
        name = name.strip().replace("-", "_") if "." not in name else name.strip()
        index, key = parameter_place(pipeline, name)
        parameter = pipeline.stages[index].parameters()[key]
        values[name] = [parse_value(value, parameter) for value in split(listed, ",")]
    return [[Tile(title.replace("'", ""), changed) for title, changed in row] for row in swept(pipeline, values)]


def line_to_type(pipeline: Pipeline, given: argparse.Namespace) -> str:
    """Return the command that paints what a tile shows, in the picture's own size."""
    styles = [_argument(style) for style in given.style] if looks_at_styles(pipeline) else []
    words = ["impasto", "paint", given.content, *styles, "-o", "out.png", "--size", str(given.size)]
    words += ["--with", pipeline.to_line()]
    for option in ("seed", "precision"):
        if getattr(given, option) is not None:
            words += [f"--{option}", str(getattr(given, option))]
    return shlex.join(words)


def _tile(line: str) -> Tile:
    return Tile(line, Pipeline.parse(line))


def _argument(style: StyleArgument) -> str:
    region = f"{style.region}=" if style.region else ""
    return f"{region}{style.file}" + (f":{style.weight:g}" if style.weight != 1 else "")


def _file_name(name: str) -> str:
    return "" if name == STANDARD else Path(name).name
