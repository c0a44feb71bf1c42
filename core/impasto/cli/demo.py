"""`impasto demo`: every installed stylizer on one photograph, as a contact sheet."""

from __future__ import annotations

import argparse
import time

from PIL import Image

from .. import samples
from ..files import check_target, local_path, write_atomically
from ..host import get_host
from ..notebook import Panel, contact_sheet
from ..picture import read
from .errors import DONE, FAILED, report_error
from .tiles import method_tile, no_stylizer, paint_tiles, where_and_when

CONTENT, STYLE = "cat", "impasto"


def execute(given: argparse.Namespace) -> int:
    """Show every installed stylizer on one sheet."""
    out = local_path(given.out)
    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise ValueError(
            f"demo: {out} does not fit: the sheet is a PNG in a folder that exists\n  what to type: -o impasto-demo.png"
        )
    check_target(out)
    sheet, errors = demonstrate(given.size)
    write_atomically(out, lambda temporary: sheet.save(temporary, "PNG"))
    for name, error in errors.items():
        report_error(error, given.traceback, f"{name}: ")
    print(f"{out}: every installed stylizer, {sheet.width}×{sheet.height}")
    return FAILED if errors else DONE


def demonstrate(size: int = 320) -> tuple[Image.Image, dict[str, Exception]]:
    """Paint a sample photograph with every installed stylizer.

    Args:
        size: longer side of the pictures in pixels.

    Returns:
        The contact sheet, and the errors of the stylizers that failed, by name.

    Raises:
        LookupError: no stylizer is installed.
    """
    stylizers = get_host().stylizers
    if not stylizers:
        raise no_stylizer("demo")
    content, style = read(samples.content(CONTENT, size)), samples.style(STYLE, size)
    began = time.perf_counter()
    painted = list(paint_tiles([method_tile(*entry) for entry in stylizers.items()], content, [style]))
    given = [Panel("content", CONTENT, content.pil()), Panel("style", STYLE, read(style).pil())]
    errors = {done.tile.name: done.error for done in painted if done.error is not None}
    return contact_sheet(given, [done.panel for done in painted], where_and_when(len(painted), began)), errors
