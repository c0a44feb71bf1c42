"""`impasto plugins`: what is installed, a stage's parameters, and the conformance kit on it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from functools import partial

from .. import samples
from ..errors import ParameterError
from ..host import get_host
from ..picture import OWN_SUFFIXES
from ..pipeline import Pipeline
from ..testing import check_encoder, check_metric, check_stage, check_statistic
from .errors import DONE, FAILED, print_message
from .listing import available_lines, offer_text, plugin_lines
from .parser import command_line_parser


def execute(given: argparse.Namespace) -> int:
    """List what is installed or published, or show or check what a plugin offers under a name."""
    if given.check:
        return check(given.name)
    if given.available:
        print("\n".join(available_lines()))
        return DONE
    if given.name is not None:
        offered = get_host().offered(given.name)
        print("\n\n".join(offer_text(kind, given.name, one) for kind, one in offered.items()))
        return DONE
    print("\n".join([*plugin_lines(), *unused_lines()]))
    print("\nimpasto plugins NAME shows what goes by this name, with its parameters")
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
    """Run the conformance kit on what goes by a name, or on all of these that a distribution offers.

    Args:
        name: `adain`, `adain:alpha=0.5`, `gabor` or `impasto-adain`.

    Returns:
        The exit code.

    Raises:
        ValueError: no name, or something that only the tests of its plugin can check.
    """
    if name is None:
        raise ValueError(
            "plugins: --check needs a name or a distribution\n  what to type: impasto plugins adain --check"
        )
    distribution = next((one for one in get_host().distributions if one.split()[0] == name), None)
    checks = list(checks_of(name) if distribution is None else checks_of_distribution(distribution))
    if not checks:
        raise ValueError(
            f"plugins: {name} offers no stage, encoder, statistic or metric, which alone are checked without files\n"
            f"  what would work: the tests of its plugin, with impasto.testing.parametrize_checks"
        )
    failed = 0
    for run in checks:
        try:
            run()
        except AssertionError as failures:
            print_message(str(failures))
            failed += 1
    return FAILED if failed else DONE


def checks_of(name: str) -> Iterator[Callable[[], None]]:
    """Yield the checks of what goes by a name, or of a stage with parameters."""
    if ":" in name:
        yield from (partial(check_stage, stage) for stage in Pipeline.parse(name).stages)
        return
    for kind, offered in get_host().offered(name).items():
        if kind == "stage":
            yield partial(check_stage, offered())
        elif kind == "encoder":
            yield partial(check_encoder, name)
        elif kind == "statistic":
            yield partial(check_statistic, name)
        elif kind == "metric":
            yield partial(check_metric, name)


def checks_of_distribution(distribution: str) -> Iterator[Callable[[], None]]:
    """Yield the checks of everything that a distribution offers, but of a stage that needs a value."""
    for name in sorted({name for names in get_host().offers(distribution).values() for name in names}):
        try:
            yield from checks_of(f"{distribution.split()[0]}/{name}")
        except ParameterError as error:
            print_message(f"{error}\n  it is left out; check it by itself")
