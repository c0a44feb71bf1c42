"""The widget of one parameter, by its control: a menu, a check box, a slider, a number, a line of text; of presets."""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as widgets

from ..stage import Control, Parameter, Stage

DEFAULT = "default"
"""What the menu of presets calls no preset."""
DESCRIPTION = {"description_width": "10.5em"}
LAYOUT = {"width": "27em"}


def parameter_widget(parameter: Parameter, value: Any) -> Any:
    """Return the widget that fits a parameter: a menu, a check box, a slider, a number or a line of text."""
    control = Control.of(parameter, value)
    common = {"value": value, "description": control.label, "tooltip": control.help, "layout": LAYOUT}
    common["style"] = DESCRIPTION
    bounds = {"min": control.low, "max": control.high, "step": control.step, "continuous_update": False}
    match control.kind:
        case "switch":
            return widgets.Checkbox(**common, indent=True)
        case "menu":
            return widgets.Dropdown(options=control.choices, **common)
        case "log-slider" if control.low and control.high:
            bounds |= {"min": math.log10(control.low), "max": math.log10(control.high)}
            return widgets.FloatLogSlider(**common, **bounds)
        case "slider" if control.whole:
            return widgets.IntSlider(**common, **bounds)
        case "slider":
            places = max(0, -round(math.log10(control.step or 1)))
            return widgets.FloatSlider(**common, **bounds, readout_format=f".{places}f")
        case "number":
            return (widgets.BoundedIntText if control.whole else widgets.BoundedFloatText)(**common, **bounds)
    common["value"] = _entries(value)
    return widgets.Text(placeholder=control.help, continuous_update=False, **common)


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
