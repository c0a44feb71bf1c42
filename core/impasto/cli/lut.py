"""`impasto lut`: a look as a look-up table of colours."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..files import check_target, local_path
from ..functional.lut import Fit, check_fit, fit_cube
from ..picture import write_cube
from ..pipeline import Pipeline
from .errors import DONE
from .loading import read_picture
from .outputs import print_result


def execute(given: argparse.Namespace) -> int:
    """Write a look to a .cube file, and say how well the table does."""
    out = local_path(given.out)
    if out.suffix.lower() != ".cube":
        raise ValueError(f"lut: {out} ends in {out.suffix!r}\n  what would work: a name that ends in .cube")
    check_target(out, filter(None, [given.content, given.style, given.after]))
    fit = _read_off(given) if given.after else _from_stages(given)
    write_cube(fit.cube, out)
    side = "×".join([str(given.size)] * 3)
    print_result(
        out,
        f"{out}: {side} colours, wrong by {255 * fit.mean:.2f}/255 on the average"
        f" and by at most {255 * fit.most:.1f}/255 in all but a hundredth",
    )
    return DONE


def _read_off(given: argparse.Namespace) -> Fit:
    if given.style or given.stages:
        raise ValueError("lut: --after takes the place of a style and of --with\n  what would work: one or the other")
    before, after = (read_picture(name, given.max_pixels).visible for name in (given.content, given.after))
    fit = fit_cube(before, after, given.size, given.title)
    check_fit(fit, Path(given.after).name, "the same photograph, graded by colours alone, from a file that keeps them")
    return fit


def _from_stages(given: argparse.Namespace) -> Fit:
    content = read_picture(given.content, given.max_pixels)
    style = None if given.style is None else read_picture(given.style, given.max_pixels)
    pipeline = Pipeline.parse(given.stages or "match-color:target=image")
    return pipeline.to_lut(content, style, size=given.size, title=given.title)
