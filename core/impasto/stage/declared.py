"""Values made of declared parameters: what stages and trainers are."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import Self, dataclass_transform

from ..errors import ParameterError, quoted, suggestion, warn_deprecated
from .parameters import Parameter, check_type, param


def _validated(initialise: Callable[..., None]) -> Callable[..., None]:
    """Return an `__init__` that converts and checks every value first, which no method of a subclass can switch off."""

    @wraps(initialise)
    def validated(self: Declared, /, **values: Any) -> None:
        values = self.current_names(values, warn=False)
        for name, parameter in self.parameters().items():
            values[name] = parameter.convert(self.name, values.get(name, parameter.default))
        initialise(self, **values)
        self.check()

    return validated


def _documented(cls: type[Declared]) -> str | None:
    """Return a class's docstring with what its parameters do, for `help(AdaIN)` and a notebook's `AdaIN?`."""
    written = cls.__doc__
    if not cls.summary() or not cls.parameters():
        return written
    entries = "".join(f"\n        {one.name}: {one.help} ({one.about})." for one in cls.parameters().values())
    text, example, rest = (written or "").rstrip().partition("\n\n    Example:")
    return f"{text.rstrip()}\n\n    Args:{entries}{example}{rest}\n    "


def _has_of_its_own(base: type, name: str) -> bool:
    """Return whether a class has something by a name that is no parameter: a method, or a class variable."""
    fields = dataclasses.fields(base) if dataclasses.is_dataclass(base) else ()
    return name in vars(base) and name not in {field.name for field in fields}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(param,))
class Declared:
    """A frozen value made of declared parameters, with a name that TOML and the command line use.

    Args:
        values: of parameters, by name; converted to their types and found in their ranges, or refused.

    Raises:
        ParameterError: a value that does not fit, or a parameter that there is not.

    Example:
        >>> import impasto
        >>> class Brush(Declared, name="brush"):
        ...     width: int = impasto.param(default=3, low=1, high=99, help="of the brush, in pixels")
        >>> Brush(width=5).values()
        {'width': 5}
    """

    name: ClassVar[str] = ""
    was: ClassVar[tuple[str, ...]] = ()
    """Names that it had before, as the class was given them: `class Fade(..., name="fade", was="blend")`."""

    def __init_subclass__(cls, *, name: str = "", was: str | Sequence[str] = (), **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.name = name
        cls.was = (was,) if isinstance(was, str) else tuple(was)
        if "__init__" in vars(cls):
            raise TypeError(
                f"{cls.__name__}: __init__ is made of the declared parameters\n"
                "  what to type: def check(self): ..., for what one parameter asks of another"
            )
        for one in (*filter(None, [name]), *cls.was):
            if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", one):
                raise TypeError(f"{cls.__name__}: the name {one!r} should be lower-case words joined by '-'")
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            if "impasto" not in field.metadata:
                raise TypeError(
                    f"{cls.__name__}: {field.name} is not declared as a parameter\n"
                    f"  what would work: {field.name}: {field.type} = impasto.param(default=..., help='...'),"
                    f" or ClassVar[{field.type}] for a constant"
                )
            taken = next((base for base in cls.__mro__[1:] if _has_of_its_own(base, field.name)), None)
            if taken is not None:
                raise TypeError(
                    f"{cls.__name__}: {field.name} is what {taken.__name__} itself has\n"
                    "  what would work: another name for the parameter"
                )
        cls.__init__ = _validated(cls.__init__)  # type: ignore[method-assign]
        with contextlib.suppress(NameError):  # an annotation may name what is defined further down
            cls.parameters()
            cls.__doc__ = _documented(cls)
            cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [
                    inspect.Parameter(
                        one.name,
                        inspect.Parameter.KEYWORD_ONLY,
                        default=inspect.Parameter.empty if one.required else one.default,
                        annotation=one.annotation,
                    )
                    for one in cls.parameters().values()
                ]
            )
        cls._older_names()

    @classmethod
    @cache
    def parameters(cls) -> Mapping[str, Parameter]:
        """Return the declared parameters by name, in order of declaration."""
        hints = typing.get_type_hints(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        for one in fields:
            check_type(cls.__name__, one.name, hints[one.name])
        return types.MappingProxyType(
            {one.name: Parameter(one.name, hints[one.name], one.default, **one.metadata["impasto"]) for one in fields}
        )

    @classmethod
    @cache
    def _older_names(cls) -> Mapping[str, str]:
        """Return the present name of each parameter by every name it had before."""
        fields = {one.name: one.metadata["impasto"]["was"] for one in dataclasses.fields(cls)}  # type: ignore[arg-type]
        older: dict[str, str] = {}
        for name, names in fields.items():
            for old in names:
                if not old.isidentifier() or old in fields or old in older:
                    raise TypeError(
                        f"{cls.__name__}: {name} cannot have been called {old!r}\n"
                        "  what would work: a word that no parameter is called, and no other was"
                    )
                older[old] = name
        return types.MappingProxyType(older)

    @classmethod
    def current_names(cls, values: Mapping[str, Any], *, warn: bool = True) -> dict[str, Any]:
        """Return values by the names that parameters have now, where some are given by names that they had before.

        Args:
            values: of parameters, by name.
            warn: whether somebody typed the names, and is told the present ones.

        Raises:
            ParameterError: two values are given for one parameter.

        Example:
            >>> import impasto
            >>> class Fade(impasto.Postprocessor, name="fade"):
            ...     '''Blend the painted image with the content.'''
            ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share", was="strength")
            >>> Fade.current_names({"strength": 0.2}, warn=False)
            {'amount': 0.2}
        """
        older, current = cls._older_names(), {}
        for key, value in values.items():
            name = older.get(key, key)
            if name in current or (name != key and name in values):
                raise ParameterError(
                    f"{cls.name}: {name} is given twice, as {key} too, which it was called before\n"
                    f"  what to type: {name}=... alone"
                )
            current[name] = value
        for key in values if warn else ():
            if key in older:
                name = older[key]
                warn_deprecated(f"{cls.name}: {key} is called {name} now\n  what to type: {name}={quoted(values[key])}")
        return current

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the value that one line or TOML describes.

        Args:
            values: by name, as they are written there.

        Raises:
            ParameterError: a parameter that there is not, or a value out of its range.

        Example:
            >>> import impasto
            >>> class Brush(Declared, name="brush"):
            ...     width: int = impasto.param(default=3, low=1, high=99, help="of the brush, in pixels")
            >>> Brush.from_values({"width": 5})
            Brush(width=5)
        """
        return cls(**values)

    @classmethod
    def warn_if_renamed(cls, asked: str) -> None:
        """Warn whoever typed a name that the class had before.

        Args:
            asked: the name by which it was asked for, which may have a distribution before it.
        """
        asked = asked.rpartition("/")[2]
        if asked in cls.was:
            warn_deprecated(f"{asked} is called {cls.name} now\n  what to type: {cls.name}")

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring."""
        lines = (cls.__dict__.get("__doc__") or "").strip().splitlines()
        # A dataclass without a docstring gets its signature as one, which says nothing.
        return "" if not lines or lines[0].startswith(f"{cls.__name__}(") else lines[0]

    def __new__(cls, /, *args: Any, **values: Any) -> Self:
        """Refuse an unknown parameter with a suggestion, before the dataclass would with none."""
        if args:
            names = ", ".join(f"{key}=..." for key in list(cls.parameters())[: len(args)])
            raise TypeError(
                f"{cls.__name__} takes its parameters by name, found {quoted(args[0])} without one\n"
                f"  what to type: {cls.__name__}({names})"
            )
        values = cls.current_names(values)
        for key in values:
            if key not in cls.parameters():
                raise ParameterError(
                    f"{cls.name} has no parameter {quoted(key)}\n"
                    f"  it has: {', '.join(cls.parameters()) or 'none'}{suggestion(key, cls.parameters())}"
                )
        for key, parameter in cls.parameters().items():
            if parameter.required and key not in values:
                raise ParameterError(
                    f"{cls.name} needs {key!r}: {parameter.help}\n  what to type: {cls.__name__}({key}=...)"
                )
        return super().__new__(cls)

    if not TYPE_CHECKING:  # which would take any name for one that was

        def __getattr__(self, name: str) -> Any:
            """Return a parameter's value by a name that it had before, with a warning."""
            current = type(self)._older_names().get(name)
            if current is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            warn_deprecated(f"{self.name}: {name} is called {current} now\n  what to type: .{current}")
            return getattr(self, current)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        """Return what copies and pickles are made from."""
        return (), self.values()

    def __post_init__(self) -> None:
        """Do nothing: values are validated before, whatever a class does here.  `check` is the place for more."""

    def check(self) -> None:
        """Raise a `ParameterError` if values that fit one by one do not go together; for subclasses to override.

        Called for every new value of the class, also by `dataclasses.replace`, when each parameter has been converted
        to its type and found in its range.  Where the base class has a `check` of its own, call `super().check()`.

        Example:
            >>> import impasto
            >>> class Band(impasto.Postprocessor, name="band"):
            ...     '''Darken what is between two levels.'''
            ...     low: float = impasto.param(default=0.2, low=0, high=1, help="where the band begins")
            ...     high: float = impasto.param(default=0.8, low=0, high=1, help="where it ends")
            ...     def check(self):
            ...         if self.low >= self.high:
            ...             raise impasto.ParameterError(f"band: low = {self.low} is not below high = {self.high}")
            ...     def refine(self, image, content, styles):
            ...         return image.where((image < self.low) | (image > self.high), image / 2)
            >>> Band(low=0.9)
            Traceback (most recent call last):
            impasto.errors.ParameterError: band: low = 0.9 is not below high = 0.8
        """

    def values(self) -> dict[str, Any]:
        """Return every parameter's value by name."""
        return {name: getattr(self, name) for name in self.parameters()}

    def __repr__(self) -> str:
        changed = {name: value for name, value in self.values().items() if value != self.parameters()[name].default}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    def _repr_html_(self) -> str:
        """Return a table of the parameters for a notebook; what is not the default is bold."""
        rows = ""
        for name, one in self.parameters().items():
            value = repr(getattr(self, name))
            cells = [name, value, one.about, one.help]
            cells = [html.escape(cell) for cell in cells]
            if getattr(self, name) != one.default:
                cells[1] = f"<b>{cells[1]}</b>"
            rows += "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"
        head = "<tr><th></th><th>value</th><th>range</th><th>what it does</th></tr>"
        table = f"<table>{head}{rows}</table>" if rows else ""
        return f"<b>{html.escape(self.name)}</b> {html.escape(type(self).summary())}{table}"
