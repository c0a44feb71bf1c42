"""The widget of one parameter: a menu, a check box, a slider, a number or a line of text; and that of presets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from ..stage import Parameter, Stage

DEFAULT = "default"
"""What the menu of presets calls no preset."""
DESCRIPTION = {"description_width": "10.5em"}
LAYOUT = {"width": "27em"}


def parameter_widget(parameter: Parameter, value: Any) -> Any:
    """Return the widget that fits a parameter: a menu, a check box, a slider, a number or a line of text."""
    common = {
        "description": parameter.name.replace("_", " "),
        "tooltip": parameter.help,
        "style": DESCRIPTION,
        "layout": LAYOUT,
    }
    if parameter.type is bool:
        return widgets.Checkbox(value=value, **common, indent=True)
    if parameter.choices is not None and not parameter.listed:
        return widgets.Dropdown(options=parameter.choices, value=value, **common)
    if parameter.type in (int, float):
        return number_widget(parameter, value, common)
    return widgets.Text(value=_entries(value), placeholder=parameter.help, continuous_update=False, **common)


def preset_widget(stage: Stage, name: str | None) -> Any:
    """Return the menu of a stage's presets; None is shown as no choice: the values are the user's own."""
    return widgets.Dropdown(
        options=[DEFAULT, *stage.presets],
        value=name,
        description="preset",
        tooltip="; ".join(f"{one}: {preset.help}" for one, preset in stage.presets.items()),
        style=DESCRIPTION,
        layout=LAYOUT,
    )


def widget_value(widget: Any, value: Any) -> Any:
    """Return a parameter's value as its widget holds it."""
    return _entries(value) if isinstance(widget, widgets.Text) else value


def _entries(value: Any) -> str:
    """Return a value as a line of text."""
    return "+".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else str(value)


def number_widget(parameter: Parameter, value: float, common: Mapping[str, Any]) -> Any:
    """Return a slider where the mouse can set each value, and a field to type in where it cannot."""
    default = value if parameter.required else parameter.default
    low, high = limits(parameter)
    common = {"value": value, "continuous_update": False, **common}
    if parameter.type is int:
        kind = widgets.IntSlider if high - low <= 200 else widgets.BoundedIntText  # a pixel of the track for each
        each = parameter.multiple or 1
        return kind(min=math.ceil(low / each) * each, max=int(high), step=each, **common)
    # On a radius from 0 to 10,000, all that anyone wants lies within the first pixel of the track.
    near = (high - low) / 20
    bounded = parameter.low is not None and parameter.high is not None
    if bounded and 0 < low < default < low + near:
        return widgets.FloatLogSlider(min=math.log10(low), max=math.log10(high), step=0.05, **common)
    if bounded and high - low <= 1000 and not (low < default < low + near or high - near < default < high):
        places = max(0, math.ceil(2 - math.log10(high - low)))  # a hundred steps or more, by round numbers
        return widgets.FloatSlider(min=low, max=high, step=10.0**-places, readout_format=f".{places}f", **common)
    step = 10.0 ** math.floor(math.log10(min(default - low, high - default) or 1))
    return widgets.BoundedFloatText(min=low, max=high, step=step, **common)


def limits(parameter: Parameter) -> tuple[float, float]:
    """Return the smallest and the largest number that a widget offers."""
    return -1e9 if parameter.low is None else parameter.low, 1e9 if parameter.high is None else parameter.high
