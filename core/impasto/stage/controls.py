"""Controls: what a front end shows for a parameter, whichever it is: a notebook, a page, a graph of nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .base import Stage
from .parameters import Parameter

Kind = Literal["switch", "menu", "slider", "log-slider", "number", "text"]
MOST = 1e9
"""What a number without a bound is offered up to."""


@dataclass(frozen=True)
class Control:
    """What a front end shows for one parameter; `tune`, the page of `impasto serve` and yours are made of these.

    Args:
        name: of the parameter.
        label: the same in words.
        kind: `switch` (true or false), `menu` (one of `choices`), `slider` and `log-slider` (a number that the mouse
            can set), `number` (one that is typed) or `text`.
        value: that it shows first, as TOML has it: lists, and "none" for None.
        help: one line on what it does.
        low: least number; of a whole number that has to be a multiple, a multiple.
        high: largest number.
        step: between two numbers; of a `log-slider`, in powers of ten.
        choices: of a menu, or of the entries of a list.
        whole: whether numbers are whole.
        listed: whether the text is a list, its entries joined by `+`.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        >>> control = Control.of(Fade.parameters()["amount"], 0.5)
        >>> control.kind, control.low, control.high, control.step
        ('slider', 0, 1, 0.01)
    """

    name: str
    label: str
    kind: Kind
    value: Any
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] | None = None
    whole: bool = False
    listed: bool = False

    @classmethod
    def of(cls, parameter: Parameter, value: Any) -> Control:
        """Return the control that fits a parameter.

        Args:
            parameter: declared by a stage.
            value: that it has.
        """
        common = (parameter.name, parameter.name.replace("_", " "))
        if parameter.type is bool:
            return cls(*common, "switch", value, parameter.help)
        if parameter.choices is not None and not parameter.listed:
            return cls(*common, "menu", plain_value(value), parameter.help, choices=parameter.choices)
        if parameter.type in (int, float):
            kind, numbers = _number(parameter, value)
            return cls(*common, kind, value, parameter.help, *numbers, whole=parameter.type is int)
        return cls(
            *common,
            "text",
            plain_value(value),
            parameter.help,
            choices=parameter.choices,
            listed=parameter.listed,
        )

    def rounded(self, value: float) -> float:
        """Return a number with three digits, in the range: what a `log-slider` sets is crooked.

        Args:
            value: that it is at.
        """
        short = float(f"{value:.3g}")
        return min(
            max(short, self.low if self.low is not None else short), self.high if self.high is not None else short
        )


def plain_value(value: Any) -> Any:
    """Return a parameter's value as TOML and JSON hold it.

    Args:
        value: as a stage has it.

    Example:
        >>> plain_value(("relu1_1", "relu2_1")), plain_value(None)
        (['relu1_1', 'relu2_1'], 'none')
    """
    return list(value) if isinstance(value, tuple) else "none" if value is None else value


def _number(parameter: Parameter, value: float) -> tuple[Kind, tuple[float, float, float]]:
    """Return a slider where the mouse can set each value, and a field to type in where it cannot."""
    default = value if parameter.required else parameter.default
    low = -MOST if parameter.low is None else parameter.low
    high = MOST if parameter.high is None else parameter.high
    if parameter.type is int:
        each = parameter.multiple or 1
        kind: Kind = "slider" if high - low <= 200 else "number"  # a pixel of the track for each
        return kind, (math.ceil(low / each) * each, int(high), each)
    # On a radius from 0 to 10,000, all that anyone wants lies within the first pixel of the track.
    near = (high - low) / 20
    bounded = parameter.low is not None and parameter.high is not None
    if bounded and 0 < low < default < low + near:
        return "log-slider", (low, high, 0.05)
    if bounded and high - low <= 1000 and not (low < default < low + near or high - near < default < high):
        places = max(0, math.ceil(2 - math.log10(high - low)))  # a hundred steps or more, by round numbers
        return "slider", (low, high, 10.0**-places)
    return "number", (low, high, 10.0 ** math.floor(math.log10(min(default - low, high - default) or 1)))


def preset_values(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return what each preset of a stage sets, and under "default" what takes all of them back.

    What one of them sets has its default in the others, so that one after another is each by itself; parameters that
    none sets are the user's.

    Args:
        stage: whose parameters they are.

    Example:
        >>> import impasto
        >>> class Fade(impasto.Postprocessor, name="fade"):
        ...     presets = {"faint": impasto.Preset("the content shines through", amount=0.8)}
        ...     amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
        >>> preset_values(Fade())
        {'default': {'amount': 0.5}, 'faint': {'amount': 0.8}}
    """
    parameters = stage.parameters()
    own = dict.fromkeys(key for preset in stage.presets.values() for key in preset.values)
    defaults = {key: getattr(stage, key) if parameters[key].required else parameters[key].default for key in own}
    sets: dict[str, Mapping[str, Any]] = {"default": {}}
    sets |= {name: preset.values for name, preset in stage.presets.items()}
    return {
        name: {key: parameters[key].convert(stage.name, value) for key, value in {**defaults, **values}.items()}
        for name, values in sets.items()
    }
