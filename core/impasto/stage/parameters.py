"""Parameters: their types, ranges and help, and what a value becomes."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ParameterError, quoted, suggestion


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: what `--help`, widgets and range checks are made from.

    Its attributes are the arguments of `param`, and besides them its name and its type.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        >>> Fade.parameters()["amount"].range
        'a number, 0 to 1'
    """

    name: str
    type: Any
    default: Any
    low: float | None
    high: float | None
    allowed: tuple[Any, ...] | Callable[[], Iterable[Any]] | None
    help: str
    writes: bool
    reads: bool
    names: tuple[str, ...]
    odd: bool
    multiple: int | None
    folders: bool
    was: tuple[str, ...]

    @property
    def choices(self) -> tuple[Any, ...] | None:
        """The only values that it, or each entry of a list, can have: those of today, where plugins offer them."""
        return tuple(self.allowed()) if callable(self.allowed) else self.allowed

    @property
    def range(self) -> str:
        """What the parameter can be, in words: `0 to 1`, `one of 'max', 'average'`, `a number, 0 or more`."""
        if self.choices is not None:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        kind = describe_type(self.type)
        number = f"multiple of {self.multiple}" if self.multiple else "number" if self.odd else "whole number"
        kind = kind.replace("a whole number", f"{'an odd' if self.odd else 'a'} {number}")
        if self.low is not None and self.high is not None:
            return f"{kind}, {_number(self.low)} to {_number(self.high)}"
        if self.low is not None:
            return f"{kind}, {_number(self.low)} or more"
        return f"{kind}, {_number(self.high)} or less" if self.high is not None else kind

    @property
    def about(self) -> str:
        """Range and default, in words, without asking plugins what they offer."""
        allowed = "one of those that are installed" if callable(self.allowed) else self.range
        return allowed if self.required else f"{allowed}; default {self.default!r}"

    @property
    def annotation(self) -> Any:
        """The type for a signature, with the choices of a fixed list spelled out."""
        if not isinstance(self.allowed, tuple) or self.listed:
            return self.type
        return typing.Literal[self.allowed]

    @property
    def bounded(self) -> bool:
        """Whether the numbers that it can be, if any, have a lowest and a highest, which are finite."""
        if not self.is_number:
            return True
        return self.low is not None and self.high is not None and math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def listed(self) -> bool:
        """Whether the value can be a list of entries."""
        return any(typing.get_origin(one) is tuple for one in (self.type, *typing.get_args(self.type)))

    @property
    def required(self) -> bool:
        """Whether it has no default, and so has to be given."""
        return self.default is dataclasses.MISSING

    @property
    def is_number(self) -> bool:
        """Whether the value, or each entry of a list, can be any number, or any of a range."""
        return self.allowed is None and _holds_numbers(self.type)

    @property
    def scalars(self) -> frozenset[Any]:
        """The types that the value can have, or each entry of a list: `int`, `float`, `str`, `bool`, `None`'s."""
        return frozenset(_scalars(self.type))

    def convert(self, owner: str, value: Any) -> Any:
        """Return `value` as the declared type, or raise a `ParameterError` that names owner, value and range."""
        converted = convert(value, self.type)
        entries = converted if isinstance(converted, tuple) else (converted,)
        fits = converted is not _MISFIT and len(entries) <= LONGEST_LIST
        fits = fits and all(entry is None or self._allows(entry) for entry in entries)
        if not fits:
            default = "" if self.required else f" (default {self.default!r})"
            alone = isinstance(convert([value], self.type), tuple)  # one entry where a list of such is meant
            most = f", at most {LONGEST_LIST} entries" if len(entries) > LONGEST_LIST else ""
            if any(isinstance(entry, str) and len(entry) > LONGEST_TEXT for entry in entries):
                most = f", at most {LONGEST_TEXT:,} characters"
            near = next((suggestion(one, map(str, self.choices or ())) for one in entries if isinstance(one, str)), "")
            raise ParameterError(
                f"{owner}: {self.name} = {quoted(value)} does not fit{near}\n"
                f"  what would work: {self.range}{most}{default}\n"
                f"  what it does: {self.help}" + (f"\n  what to type: {self.name}=[{quoted(value)}]" if alone else "")
            )
        return converted

    def _allows(self, entry: Any) -> bool:
        if callable(self.allowed) and entry == self.default:  # while plugins load, what they offer is not known yet
            return True
        if (choices := self.choices) is not None:
            return entry in choices
        if isinstance(entry, str):
            return len(entry) <= LONGEST_TEXT
        if isinstance(entry, bool):
            return True
        if (self.odd and entry % 2 != 1) or (self.multiple and entry % self.multiple):
            return False
        return (self.low is None or entry >= self.low) and (self.high is None or entry <= self.high)


def _holds_numbers(wanted: Any) -> bool:
    """Return whether a parameter's type is a number, or has numbers in it that are not listed one by one."""
    if typing.get_origin(wanted) is typing.Literal:
        return False
    return wanted in (int, float) or any(map(_holds_numbers, typing.get_args(wanted)))


def _number(value: float) -> str:
    """Return a bound in digits: 100,000 and not 1e+05."""
    return f"{value:,.0f}" if abs(value) < 1e9 and value == round(value) else f"{value:g}"


def param(
    *,
    default: Any = dataclasses.MISSING,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] | Callable[[], Iterable[Any]] | None = None,
    help: str,
    writes: bool = False,
    reads: bool = False,
    names: Sequence[str] = (),
    odd: bool = False,
    multiple: int | None = None,
    folders: bool = False,
    was: str | Sequence[str] = (),
) -> Any:
    """Declare a parameter of a stage or trainer; its type is the annotation it stands under.

    Args:
        default: the value when none is given; without one the parameter must be given.
        low: smallest value allowed (for tuples: of each entry).
        high: largest value allowed.
        choices: the only values allowed, or a function that returns them, such as the names that plugins offer.
        help: one line on what it does, with units; shown by `--help`, widgets and errors.
        writes: it names a file that the stage writes.  Such a parameter stays out of the recipes that
            pictures carry, and a picture that asks for one is refused: pictures come from strangers.
        reads: it names a file that the stage reads, or several.  A picture's recipe that names one is refused unless
            the user allows that file by name.
        names: values of a parameter that `reads` which are names of something else, such as a network that ships.
        folders: a folder of files that it `reads` will do as well as one file.
        odd: only odd numbers are allowed, as for the side of a patch, which has a middle.
        multiple: only whole multiples of this number are allowed, as for the side of pictures that a network halves.
        was: a name that it had before, or several: pictures keep the names in their recipes, so they are read for good.
            Whoever types an older one is told the present one.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     '''Blend the painted image with the content.'''
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        ...     def refine(self, image, content, styles):
        ...         return image.lerp(content, self.amount)
        >>> Fade(amount=0.25)
        Fade(amount=0.25)
    """
    allowed = choices if choices is None or callable(choices) else tuple(choices)
    about = {
        "low": low,
        "high": high,
        "allowed": allowed,
        "help": help,
        "writes": writes,
        "reads": reads,
        "names": tuple(names),
        "odd": odd,
        "multiple": multiple,
        "folders": folders,
        "was": (was,) if isinstance(was, str) else tuple(was),
    }
    return field(default=default, metadata={"impasto": about})


_MISFIT: Any = object()
LONGEST_LIST = 256
"""Entries of a value that is a list, such as the labels of regions."""
LONGEST_TEXT = 4096
"""Characters of a value that is text, such as the path of a file."""
LARGEST = 2**63 - 1
"""Whole numbers that TOML, torch and a float can hold."""


def convert(value: Any, wanted: Any) -> Any:
    """Return `value` as bool, int, float, str, tuple or None, never guessing across kinds; else a misfit."""
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        found = [convert(value, option) for option in typing.get_args(wanted)]
        # TOML has no word for None.
        if isinstance(value, str) and value == "none" and type(None) in typing.get_args(wanted):
            return None
        return next((option for option in found if option is not _MISFIT), _MISFIT)
    if typing.get_origin(wanted) is typing.Literal:
        options = typing.get_args(wanted)
        return next((one for one in options if type(one) is type(value) and one == value), _MISFIT)
    if typing.get_origin(wanted) is tuple:
        entry = typing.get_args(wanted)[0]
        if isinstance(value, str) or not isinstance(value, Sequence):
            return _MISFIT
        entries = tuple(convert(one, entry) for one in value)
        return _MISFIT if any(one is _MISFIT for one in entries) else entries
    if wanted is type(None):
        return None if value is None else _MISFIT
    if wanted is str and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # NumPy and torch scalars
        value = value.item()
    if wanted is bool or isinstance(value, bool):
        return value if wanted is bool and isinstance(value, bool) else _MISFIT
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if whole and (isinstance(value, int) or wanted is int) and not -LARGEST <= value <= LARGEST:
        return _MISFIT
    if wanted is float:
        return float(value) if isinstance(value, (int, float)) and value == value else _MISFIT
    if wanted is int:
        return int(value) if whole else _MISFIT
    return value if isinstance(value, wanted) else _MISFIT


def _scalars(wanted: Any) -> Iterator[Any]:
    """Yield the types that a value can have, or the entries of a tuple."""
    origin, inside = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Literal:
        yield from map(type, inside)
    elif origin is tuple:
        yield from _scalars(inside[0])
    elif inside:
        for option in inside:
            yield from _scalars(option)
    else:
        yield wanted


def describe_type(wanted: Any) -> str:
    """Say a parameter's type in a word or two."""
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        return " or ".join(describe_type(option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        return f"a list, each {describe_type(typing.get_args(wanted)[0])}"
    if typing.get_origin(wanted) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(wanted)))
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}
    return words.get(wanted, str(wanted))


def check_type(owner: str, name: str, wanted: Any) -> None:
    """Raise a `TypeError` unless a parameter can be of a type: its values have to come back from TOML and from a word.

    Args:
        owner: the class that declares it.
        name: of the parameter.
        wanted: its annotation.
    """
    if not _is_supported(wanted):
        written = str(wanted) if typing.get_args(wanted) else getattr(wanted, "__name__", wanted)
        raise TypeError(
            f"{owner}: {name} is declared as {written}, which a parameter cannot be\n"
            "  what would work: bool, int, float, str (for paths too), typing.Literal of such values, a tuple of any"
            " length, such as tuple[int, ...], or any of these | None"
        )


def _is_supported(wanted: Any) -> bool:
    origin, inside = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return all(map(_is_supported, inside))
    if origin is typing.Literal:
        return all(isinstance(option, (bool, int, float, str)) for option in inside)
    if origin is tuple:
        several = len(inside) == 2 and inside[1] is Ellipsis
        return several and _is_supported(inside[0]) and convert((), inside[0]) is _MISFIT  # which is no tuple itself
    return wanted in (bool, int, float, str, type(None))
