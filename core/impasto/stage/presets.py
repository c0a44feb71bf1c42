"""Presets: named values of a stage's parameters, for what no one default serves."""

from __future__ import annotations

import re
import types
from collections.abc import Collection, Mapping
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""A name of presets: words that are typed behind `preset=` without quotation marks."""

TAKEN = ("default", "true", "false", "inf", "nan")
"""Names of other things: of no preset, in menus, and of values that are no text, in TOML."""


class Preset:
    """Values of some of a stage's parameters, under a name that says what they are for.

    A stage declares its presets as a class variable, and `Stage.preset` makes a stage of one.  The name is gone then:
    a pipeline and its recipes hold plain values.

    Args:
        help: a few words on what it is for, as it stands in listings.
        values: parameters that it sets, by name.

    Raises:
        TypeError: it sets no parameter, or says nothing.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     '''Blend the painted image with the content.'''
        ...     presets = {"faint": impasto.Preset("the content shines through", amount=0.8)}
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        ...     def refine(self, image, content, styles):
        ...         return image.lerp(content, self.amount)
        >>> Fade.preset("faint")
        Fade(amount=0.8)
    """

    __slots__ = ("help", "values")

    def __init__(self, help: str, /, **values: Any) -> None:
        if not isinstance(help, str) or not help.strip() or not values:
            raise TypeError(
                f"a preset says what it is for and sets parameters, found {help!r} and {', '.join(values) or 'none'}\n"
                "  what to type: impasto.Preset('keeps faces', content_weight=0.5)"
            )
        self.help = help
        self.values: Mapping[str, Any] = types.MappingProxyType(values)

    def __repr__(self) -> str:
        return f"Preset({', '.join([repr(self.help), *(f'{key}={value!r}' for key, value in self.values.items())])})"


def check_presets(owner: str, presets: Mapping[str, Preset], parameters: Collection[str]) -> None:
    """Raise a `TypeError` unless presets have names, and set parameters that there are.

    Args:
        owner: the class that declares them.
        presets: as it declares them.
        parameters: names of its parameters.
    """
    if not isinstance(presets, Mapping):
        raise TypeError(
            f"{owner}: presets = {presets!r} is no mapping\n"
            "  what would work: presets = {'gentle': impasto.Preset('keeps faces', content_weight=0.5)};"
            " another name for a parameter or method"
        )
    for name, preset in presets.items():
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in TAKEN:
            raise TypeError(
                f"{owner}: a preset cannot be called {name!r}\n"
                f"  what would work: lower-case words joined by '-', but {', '.join(TAKEN)}"
            )
        if not isinstance(preset, Preset):
            raise TypeError(
                f"{owner}: the preset {name!r} is {preset!r}\n  what to type: impasto.Preset('what it is for', ...)"
            )
        unknown = [key for key in preset.values if key not in parameters]
        if unknown:
            raise TypeError(
                f"{owner}: the preset {name!r} sets {', '.join(unknown)}, which it has no parameter for\n"
                f"  it has: {', '.join(parameters) or 'none'}"
            )
