"""`impasto plugins`: what is installed, a stage's parameters, and the conformance kit on it."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator

from .. import samples
from ..errors import ParameterError
from ..host import get_host
from ..picture import OWN_SUFFIXES
from ..pipeline import Pipeline
from ..testing import check_stage
from .directory import available_lines
from .errors import DONE, FAILED, print_message
from .listing import plugin_lines, stage_table
from .parser import command_line_parser


def execute(given: argparse.Namespace) -> int:
    """List what is installed or published, or the parameters of a stage or watcher, or check a stage."""
    if given.check:
        return check(given.stage)
    if given.available:
        print("\n".join(available_lines()))
        return DONE
    if given.stage is not None:
        watcher = get_host().watchers.get(given.stage)
        print(stage_table(watcher or get_host().stage(given.stage)))
        return DONE
    print("\n".join([*plugin_lines(), *unused_lines()]))
    print("\nimpasto plugins STAGE shows a stage's parameters")
    return DONE


def unused_lines() -> Iterator[str]:
    """Yield what plugins offer under a name that Impasto keeps for what it has itself."""
    own: dict[str, Collection[str]] = {
        "command": command_line_parser().commands,
        "reader": OWN_SUFFIXES,
        "sample": {*samples.PHOTOGRAPHS, *samples.DRAWINGS},
    }
    unused = [
        f"  {kind} {name}: by {distribution}"
        for distribution in get_host().distributions
        for kind, names in get_host().offers(distribution).items()
        for name in names
        if name in own.get(kind, ())
    ]
    if unused:
        yield from ("not used, since Impasto has its own", *unused)


def check(name: str | None) -> int:
    """Run the conformance kit on a stage, with parameters if there are any, or on every stage of a distribution.

    Args:
        name: `adain`, `adain:alpha=0.5` or `impasto-adain`.

    Returns:
        The exit code.

    Raises:
        ValueError: no name.
    """
    if name is None:
        raise ValueError(
            "plugins: --check needs a stage or a distribution\n  what to type: impasto plugins adain --check"
        )
    classes = [stage for stage in get_host().stages.values() if get_host().distribution(stage).split()[0] == name]
    stages = list(Pipeline.parse(name).stages) if not classes else []
    for stage_class in classes:
        try:
            stages.append(stage_class())
        except ParameterError as error:
            print_message(f"{error}\n  it is left out; check it by itself")
    failed = 0
    for stage in stages:
        try:
            check_stage(stage)
        except AssertionError as failures:
            print_message(str(failures))
            failed += 1
    return FAILED if failed else DONE
