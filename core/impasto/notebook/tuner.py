"""The widget of `impasto.tune`: a pipeline's parameters as sliders and menus beside what it paints."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import torch

from ..errors import ParameterError
from ..picture import Picture, read
from ..pipeline import Pipeline, setting
from ..stage import Parameter, Style
from .notebook import changing

WIDE = {"description_width": "10.5em"}
LAYOUT = {"width": "27em"}
# A long column of knobs scrolls by itself, so that the picture stays beside the knob that is turned; a wide picture
# shrinks before the knobs do, and goes below them where hardly any room is left.
KNOBS = {"flex": "0 0 auto", "max_height": "80vh", "overflow": "hidden auto"}
RIGHT = {"flex": "1 1 15em", "min_width": "0", "margin": "0 0 0 1.5em", "align_items": "flex-start"}


class Tuner(widgets.HBox):  # type: ignore[misc]
    """Sliders and menus at the left, the picture and what made it at the right; made by `impasto.tune`.

    Args:
        pipeline: what to begin with.
        content: one picture.
        style: a style, several, or None.
        size: longer side of what is painted while tuning.
        how: what a run takes besides.
    """

    def __init__(self, pipeline: Pipeline, content: Any, style: Any, size: int, how: Mapping[str, Any]) -> None:
        self.pipeline = pipeline
        self.picture: Picture | None = None
        self._given = (read(content), style, dict(how))
        self._small = (fitted(content, size), smaller(style, size), {key: shrunk(key, how[key], size) for key in how})
        self._image = widgets.Image(format="png", layout={"max_width": "100%", "flex": "0 0 auto"})
        self._says = widgets.HTML()
        knobs: list[Any] = []
        for index, stage in enumerate(pipeline.stages):
            rows = [self._row(index, parameter) for parameter in stage.parameters().values()]
            knobs += [widgets.HTML(f"<b>{html.escape(stage.name)}</b>"), *rows]
        whole = widgets.Button(description="Full size", tooltip="paint the picture in its own size")
        whole.on_click(lambda _: self._paint(self._given))
        right = widgets.VBox([self._image, whole, self._says], layout=RIGHT)
        super().__init__([widgets.VBox(knobs, layout=KNOBS), right], layout={"flex_flow": "row wrap"})
        self._paint(self._small)

    def _row(self, index: int, parameter: Parameter) -> Any:
        widget = knob(parameter, getattr(self.pipeline.stages[index], parameter.name))

        def changed(event: Mapping[str, Any]) -> None:
            value = event["new"]
            try:
                if isinstance(widget, widgets.Text):
                    value = setting(parameter, value)
                elif isinstance(widget, widgets.FloatLogSlider):
                    # Its powers of ten are crooked numbers, and the pipeline is there to be read.
                    low, high = ends(parameter)
                    value = min(max(float(f"{value:.3g}"), low), high)
                self.pipeline = changing(self.pipeline, (index, parameter.name), value)
            except ParameterError as error:
                self._tell(str(error))
                return
            self._paint(self._small)

        widget.observe(changed, names="value")
        return widget

    def _paint(self, given: tuple[Any, Any, Mapping[str, Any]]) -> None:
        content, style, how = given
        self._tell("painting …")
        try:
            self.picture = self.pipeline(content, style, **how)
        except (ValueError, RuntimeError, LookupError, OSError) as error:
            self._tell(str(error))
            return
        self._tell(repr(self.pipeline))
        self._image.value = self.picture._repr_png_()

    def _tell(self, text: str) -> None:
        self._says.value = f'<pre style="white-space:pre-wrap;word-break:normal">{html.escape(text)}</pre>'


def knob(parameter: Parameter, value: Any) -> Any:
    """Return the widget that fits a parameter: a menu, a check box, a slider, a number or a line of text."""
    common = {
        "description": parameter.name.replace("_", " "),
        "tooltip": parameter.help,
        "style": WIDE,
        "layout": LAYOUT,
    }
    if parameter.type is bool:
        return widgets.Checkbox(value=value, **common, indent=True)
    if parameter.choices is not None and not parameter.listed:
        return widgets.Dropdown(options=parameter.choices, value=value, **common)
    if parameter.type in (int, float):
        return number(parameter, value, common)
    entries = "+".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else str(value)
    return widgets.Text(value=entries, placeholder=parameter.help, continuous_update=False, **common)


def number(parameter: Parameter, value: float, common: Mapping[str, Any]) -> Any:
    """Return a slider where one can be aimed, and a field to type in where none can."""
    usual = value if parameter.default is dataclasses.MISSING else parameter.default
    low, high = ends(parameter)
    common = {"value": value, "continuous_update": False, **common}
    if parameter.type is int:
        kind = widgets.IntSlider if high - low <= 200 else widgets.BoundedIntText  # a pixel of the track for each
        return kind(min=int(low), max=int(high), **common)
    # On a radius from 0 to 10,000, all that anyone wants lies within the first pixel of the track.
    near = (high - low) / 20
    bounded = parameter.low is not None and parameter.high is not None
    if bounded and 0 < low < usual < low + near:
        return widgets.FloatLogSlider(min=math.log10(low), max=math.log10(high), step=0.05, **common)
    if bounded and not (low < usual < low + near or high - near < usual < high):
        places = max(0, math.ceil(2 - math.log10(high - low)))  # a hundred steps or more, by round numbers
        return widgets.FloatSlider(min=low, max=high, step=10.0**-places, readout_format=f".{places}f", **common)
    step = 10.0 ** math.floor(math.log10(min(usual - low, high - usual) or 1))
    return widgets.BoundedFloatText(min=low, max=high, step=step, **common)


def ends(parameter: Parameter) -> tuple[float, float]:
    """Return the smallest and the largest number that a knob offers."""
    return -1e9 if parameter.low is None else parameter.low, 1e9 if parameter.high is None else parameter.high


def fitted(content: Any, size: int) -> Picture:
    """Return a picture whose longer side is `size` at most."""
    picture = read(content)
    shrink = size / max(picture.size)
    if shrink >= 1:
        return picture
    goal = [max(1, round(side * shrink)) for side in picture.size]
    small = torch.nn.functional.interpolate(picture.tensor, goal, mode="bicubic", antialias=True)
    return Picture(small.clamp(0, 1))


def smaller(style: Any, size: int) -> Any:
    """Return styles as they are given, pictures among them shrunk."""
    if style is None or isinstance(style, Style):
        return style
    if isinstance(style, (list, tuple)):
        return [smaller(one, size) for one in style]
    return fitted(style, size)


def shrunk(key: str, value: Any, size: int) -> Any:
    """Return what a run takes beside its pictures, masks and regions shrunk as the content is."""
    if key == "mask" and value is not None:
        return fitted(value, size)
    if key == "guides" and isinstance(value, Mapping):
        return {label: fitted(area, size) for label, area in value.items()}
    return value
