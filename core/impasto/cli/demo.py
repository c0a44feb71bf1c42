"""`impasto demo`: every installed stylizer on one photograph, as a contact sheet."""

from __future__ import annotations

import argparse
import sys
import time

import torch
from PIL import Image
from tqdm import tqdm

from .. import samples
from ..device import pick_device
from ..files import check_target, local_path, write_atomically
from ..host import get_host
from ..notebook import Panel, contact_sheet, first_line, seconds
from ..picture import read
from ..pipeline import Pipeline, ProgressBar
from .errors import DONE, FAILED, report_error

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
        broken = [f"\n  {name} did not load: {why}" for name, why in get_host().broken.items()]
        raise LookupError(
            "demo: no stylizer is installed, so there is nothing to show\n"
            f"  what to type: pip install impasto-gatys impasto-adain{''.join(broken)}"
        )
    content, style = samples.content(CONTENT, size), samples.style(STYLE, size)
    panels, errors = [], {}
    shown = sys.stderr.isatty()
    began = time.perf_counter()
    with tqdm(stylizers.items(), unit="method", disable=not shown) as bar:
        for name, stylizer in bar:
            bar.set_description(name)
            required = {key for key, parameter in stylizer.parameters().items() if parameter.required}
            if needed := sorted(required - set(stylizer.demo)):  # such as a network that is yet to be trained
                panels.append(Panel(name, "not shown", None, f"needs {' and '.join(needed)}"))
                continue
            start = time.perf_counter()
            try:
                given_style = None if stylizer.style == "ignored" else style
                painted = Pipeline(stylizer(**stylizer.demo))(content, given_style, plugins=[ProgressBar(shown)])
            except Exception as error:  # of any plugin: its panel shows it, and the caller gets it
                errors[name] = error
                panels.append(Panel(name, "failed", None, first_line(error.__cause__ or error)))
                continue
            if painted.interrupted is not None:
                raise KeyboardInterrupt
            panels.append(Panel(name, seconds(time.perf_counter() - start), painted.pil()))
    where = pick_device("auto")
    threads = torch.get_num_threads()
    device = where.type.upper() if where.type != "cpu" else "1 CPU thread" if threads == 1 else f"{threads} CPU threads"
    methods = "1 method" if len(panels) == 1 else f"{len(panels)} methods"
    given = [Panel("content", CONTENT, read(content).pil()), Panel("style", STYLE, read(style).pil())]
    return contact_sheet(given, panels, f"{methods}, {device}, {seconds(time.perf_counter() - began)}"), errors
