"""Tiles of a contact sheet: pipelines painted one after another, each small, with its time or its error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from ..device import pick_device
from ..host import get_host
from ..notebook import Panel, first_line, seconds
from ..picture import Picture
from ..pipeline import Pipeline, ProgressBar
from ..stage import Stylizer


class Tile(NamedTuple):
    """What is painted for one panel.

    Args:
        name: its title.
        pipeline: what paints it; None where something is missing.
        missing: what that is.
    """

    name: str
    pipeline: Pipeline | None
    missing: str = ""


class PaintedTile(NamedTuple):
    """A tile with what became of it."""

    tile: Tile
    panel: Panel
    error: Exception | None


def method_tile(name: str, stylizer: type[Stylizer]) -> Tile:
    """Return the tile of a stylizer, with values that make a slow method quick; what it requires may be missing."""
    required = {key for key, parameter in stylizer.parameters().items() if parameter.required}
    if needed := sorted(required - set(stylizer.demo)):  # such as a network that is yet to be trained
        return Tile(name, None, f"needs {' and '.join(needed)}")
    return Tile(name, Pipeline(stylizer(**stylizer.demo)))


def paint_tiles(
    tiles: Sequence[Tile], content: Picture, styles: Sequence[Any], **options: Any
) -> Iterator[PaintedTile]:
    """Yield each tile as it is painted, under a progress bar on a terminal.

    Args:
        tiles: in the order in which they are painted.
        content: small.
        styles: for the pipelines that look at them.
        options: of the runs.

    Raises:
        KeyboardInterrupt: of the tile that is painted nothing is kept.
    """
    shown = sys.stderr.isatty()
    with tqdm(tiles, unit="method", disable=not shown) as bar:
        for tile in bar:
            bar.set_description(tile.name)
            if tile.pipeline is None:
                yield PaintedTile(tile, Panel(tile.name, "not shown", None, tile.missing), None)
                continue
            start = time.perf_counter()
            given = styles if looks_at_styles(tile.pipeline) else None
            try:
                painted = tile.pipeline(content, given, plugins=[ProgressBar(shown)], **options)
            except Exception as error:  # of any plugin: its panel shows it, and the caller gets it
                yield PaintedTile(tile, Panel(tile.name, "failed", None, first_line(error.__cause__ or error)), error)
                continue
            if painted.interrupted is not None:
                raise KeyboardInterrupt
            yield PaintedTile(tile, Panel(tile.name, seconds(time.perf_counter() - start), painted.pil()), None)


def looks_at_styles(pipeline: Pipeline) -> bool:
    """Return whether a stage of a pipeline looks at style pictures."""
    return any(stage.style != "ignored" for stage in pipeline.stages)


def where_and_when(count: int, began: float, device: str = "auto") -> str:
    """Return how many methods were painted, where, and in which time: `5 methods, 2 CPU threads, 1.2 s`.

    Args:
        count: of methods.
        began: by `time.perf_counter()`.
        device: as asked for.
    """
    where, threads = pick_device(device), torch.get_num_threads()
    place = where.type.upper() if where.type != "cpu" else "1 CPU thread" if threads == 1 else f"{threads} CPU threads"
    methods = "1 method" if count == 1 else f"{count} methods"
    return f"{methods}, {place}, {seconds(time.perf_counter() - began)}"


def no_stylizer(command: str) -> LookupError:
    """Return the error of a command that has nothing to show."""
    broken = [f"\n  {name} did not load: {why}" for name, why in get_host().broken.items()]
    return LookupError(
        f"{command}: no stylizer is installed, so there is nothing to show\n"
        f"  what to type: pip install impasto-gatys impasto-adain{''.join(broken)}"
    )
