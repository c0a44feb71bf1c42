"""`impasto lut`: a look as a .cube file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import impasto
from impasto.files import check_target, local_path

from .cube import write_cube
from .fitting import SIZES, Fit, check_fit, cube_of, fit_cube

STAGES = "match-color:target=image"


def add_options(parser: ArgumentParser) -> Callable[[Namespace], int | None]:
    """Write a look as a look-up table, for Resolve, ffmpeg, OBS and the stage lut."""
    parser.add_argument("photo", help="a photograph, with many colours")
    parser.add_argument("style", nargs="?", help="the picture whose look it gets, if the stages look at one")
    parser.add_argument("-o", "--out", required=True, metavar="LOOK.cube", help="the table to write")
    parser.add_argument("--with", dest="stages", metavar="STAGES", help=f"stages that change colours alone ({STAGES})")
    parser.add_argument("--after", metavar="GRADED", help="the photograph as graded elsewhere, in the place of stages")
    parser.add_argument("--size", type=int, choices=SIZES, default=33, help="entries a side (33)")
    parser.add_argument("--title", default="", help="of the look, for programs that show it")
    return write_look


def write_look(given: Namespace) -> None:
    """Write the table that was asked for, and say how well it does."""
    out = local_path(given.out)
    if out.suffix.lower() != ".cube":
        raise ValueError(f"lut: {out} ends in {out.suffix!r}\n  what would work: a name that ends in .cube")
    check_target(out, [name for name in (given.photo, given.style, given.after) if name])
    fit = _graded(given) if given.after else _staged(given)
    write_cube(fit.cube, out)
    print(
        f"{out}: {given.size}×{given.size}×{given.size} colours, wrong by {255 * fit.mean:.2f}/255 on the average"
        f" and by up to {255 * fit.most:.1f}/255 in all but a hundredth"
    )


def _graded(given: Namespace) -> Fit:
    if given.style or given.stages:
        raise ValueError("lut: --after takes the place of a style and of --with\n  what would work: one or the other")
    before, after = (impasto.read(name).visible for name in (given.photo, given.after))
    fit = fit_cube(before, after, given.size, given.title)
    check_fit(fit, Path(given.after).name, "the same photograph, graded by colours alone, from a file that keeps them")
    return fit


def _staged(given: Namespace) -> Fit:
    pipeline = impasto.Pipeline.parse(given.stages or STAGES)
    return cube_of(pipeline, given.photo, given.style, size=given.size, title=given.title)
