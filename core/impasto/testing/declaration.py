"""Checks of what a stage says of itself: words, parameters, weights, the distribution that offers it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin
from unittest import SkipTest

from .. import networks
from ..errors import ParameterError
from ..host import get_host
from ..pipeline import Pipeline
from ..stage import Parameter, Stage, Watcher
from ..weights import Weights
from .harness import first_observation, require, works

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def has_a_summary_and_helpful_parameters(stage: Stage | Watcher) -> None:
    """The class has a docstring, and every parameter a help text, bounds if it is a number, and a default in them."""
    kind = type(stage)
    require(
        kind.name,
        f"{kind.__name__} has no name",
        f"class {kind.__name__}(impasto.{kind.__mro__[1].__name__}, name='…')",
    )
    require(
        kind.summary(),
        f"{kind.__name__} has no docstring",
        "a first line that says what it does to a picture, such as '''Reduce each colour to few levels.'''",
    )
    for name, parameter in kind.parameters().items():
        require(
            len(parameter.help.split()) > 1 and parameter.help.strip(". ").lower() != name.replace("_", " "),
            f"the help of parameter {name!r} is {parameter.help!r}",
            "a few words on what it does to the picture, with its unit",
        )
        require(
            parameter.bounded,
            f"parameter {name!r} is a number without a lowest and a highest value",
            "low=… and high=…, so far apart that nobody misses more: a stranger's recipe may ask for 10**12 steps",
        )
        if not parameter.required:
            with works(f"the default of parameter {name!r}", "a default inside the range that is declared"):
                parameter.convert(stage.name, parameter.default)


def has_presets_that_differ(stage: Stage) -> None:
    """Each preset says what it is for, fits, and is neither what the defaults are nor what another preset is."""
    kind = type(stage)
    if not kind.presets:
        return
    parameters = kind.parameters()
    needed = {name: getattr(stage, name) for name, parameter in parameters.items() if parameter.required}
    known = {kind(**needed): "the defaults"}
    for name, preset in kind.presets.items():
        require(
            len(preset.help.split()) > 1 and preset.help.strip(". ").lower() != name.replace("-", " "),
            f"the help of preset {name!r} is {preset.help!r}",
            "a few words on what it is for, such as 'keeps faces and buildings'",
        )
        with works(f"making the preset {name!r}", "values in the ranges of their parameters, which go together"):
            made = kind.preset(name, **needed)
        same = known.setdefault(made, f"the preset {name!r}")
        require(
            same == f"the preset {name!r}", f"the preset {name!r} is the same as {same}", "other values, or no preset"
        )


def refuses_what_is_out_of_range(stage: Stage | Watcher) -> None:
    """Values beyond a parameter's range, of another type, or that are no number are refused in words that name it.

    Raises:
        AssertionError: a value was taken, or refused in words that do not help.
    """
    advice = "__new__ and __init__ left to the base class; what one parameter asks of another goes into check(self)"
    for name, parameter in type(stage).parameters().items():
        for value in _unfit_values(parameter):
            shown = f"{name} = {value!r}"
            try:
                replace(stage, **{name: value})
            except ParameterError as error:
                require(name in str(error), f"{shown} is refused without its name: {error}", "an error that names it")
            except Exception as error:
                raise AssertionError(
                    f"{shown} fails with {type(error).__name__}: {error}\n  what would work: {advice}"
                ) from error
            else:
                raise AssertionError(f"{shown} is taken, and it can be {parameter.range}\n  what would work: {advice}")


def _options(parameter: Parameter) -> tuple[Any, ...] | None:
    """Return the only values that a parameter can have; None where they are not listed."""
    return get_args(parameter.type) if get_origin(parameter.type) is Literal else parameter.choices


def _unfit_values(parameter: Parameter) -> Iterator[Any]:
    """Yield values that a parameter cannot have: of other types, no choice, not a number, just beyond its range."""
    kinds = parameter.scalars | ({int} if float in parameter.scalars else set())
    samples = {str: "no such choice", bool: True, int: 3, float: 0.5, type(None): None}
    entries = [{}, *(sample for kind, sample in samples.items() if kind not in kinds)]
    options = _options(parameter)
    if options is not None:
        entries.append("no such choice")
    if parameter.is_number:
        entries.append(math.nan)
        whole = float not in kinds
        for bound, away in ((parameter.low, -1), (parameter.high, 1)):
            if bound is not None and math.isfinite(bound):
                entries.append(math.trunc(bound) + away if whole else math.nextafter(bound, away * math.inf))
        if parameter.odd:
            entries.append(2 * math.ceil((parameter.low or 0) / 2))
        if parameter.multiple:
            entries.append(parameter.multiple * math.ceil((parameter.low or 0) / parameter.multiple) + 1)
    alone = not parameter.listed or get_origin(parameter.type) is not tuple  # a list may be one of several kinds
    yield from entries if alone else ([entry] for entry in entries)
    yield from () if parameter.listed and alone else ([],) if alone else (3, "text")


def survives_toml_and_repr(stage: Stage) -> None:
    """The same stage comes back from a pipeline file, and from its own text form."""
    kind = type(stage)
    advice = "parameters of type bool, int, float, str, or tuples of these, none of them called 'stage'"
    with works("writing the stage to TOML and reading it back", advice):
        (table,) = tomllib.loads(Pipeline(stage).to_toml())["stages"]
        named = table.pop("stage")
        back = kind(**table)
    require(named == stage.name and back == stage, f"{stage!r} comes back from TOML as {back!r}", advice)
    with works(f"evaluating its text form, {stage!r},", "leave __repr__ to the base class"):
        written = eval(repr(stage), {kind.__name__: kind})
    require(written == stage, f"{stage!r} evaluates to {written!r}", "leave __repr__ to the base class")


def declares_its_weights(stage: Stage) -> None:
    """`weights()` returns records of all networks that it asks for, and `known_weights` has those without a name."""
    with works("asking for its weights", "weights() that returns a tuple of impasto.Weights records"):
        records = stage.weights()
    require(
        isinstance(records, tuple) and all(isinstance(record, Weights) for record in records),
        f"weights() gave back {records!r}",
        "return a tuple of impasto.Weights records, () for none",
    )
    named = {record for name in (*get_host().encoders, *get_host().decoders) for record in networks.records(name)}
    unlisted = [record.name for record in records if record not in named and record not in stage.known_weights]
    require(
        not unlisted,
        f"weights() returns {', '.join(unlisted)}, which known_weights does not list",
        "declare all that it may need: known_weights: ClassVar[tuple[Weights, ...]] = (DECODER, …)",
    )
    seen = first_observation(stage)
    declared = {record.sha256 for record in records}
    needed = () if isinstance(seen, Exception) else seen.needed
    missing = dict.fromkeys(record.name for record in needed if record.sha256 not in declared)
    require(
        not missing,
        f"it paints with {', '.join(missing)}, which weights() does not return",
        "def weights(self): return (*records('slim19'), *records('adain-slim19')), with impasto.networks.records;"
        " and of networks of its own, their records",
    )


def is_announced_by_its_distribution(stage: Stage) -> None:
    """An installed distribution offers the stage under its name."""
    kind = type(stage)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise SkipTest("defined in a notebook or a function, where no distribution can announce it")
    module = kind.__module__.split(".")[0]
    advice = (
        f"in {module}, an @impasto.hookimpl named impasto_{kind.kind}s that returns [{kind.__name__}];"
        f' in pyproject.toml, [project.entry-points.impasto] {stage.name} = "{module}"; then pip install -e .'
    )
    with works(f"looking up {stage.name!r} among the installed plugins", advice):
        offered = get_host().stage(get_host().name(kind))
    other = f"{offered.__module__}.{offered.__qualname__}"
    require(
        offered is kind,
        f"{get_host().distribution(offered)} offers another class as {stage.name!r}: {other}",
        "another name, or uninstall one of the two",
    )
