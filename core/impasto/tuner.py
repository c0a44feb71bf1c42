"""The widget of `impasto.tune`: a pipeline's parameters as sliders and menus beside what it paints."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import torch

from .notebook import changing
from .picture import Picture, read
from .pipeline import Pipeline, setting
from .stage import Parameter, ParameterError, Style

WIDE = {"description_width": "9em"}
LAYOUT = {"width": "26em"}


class Tuner(widgets.HBox):  # type: ignore[misc]
    """Sliders and menus at the left, the picture at the right; made by `impasto.tune`.

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
        self._image = widgets.Image(format="png", layout={"object_fit": "contain"})
        self._says = widgets.HTML()
        knobs: list[Any] = []
        for index, stage in enumerate(pipeline.stages):
            rows = [self._row(index, parameter) for parameter in stage.parameters().values()]
            knobs += [widgets.HTML(f"<b>{html.escape(stage.name)}</b>"), *rows]
        whole = widgets.Button(description="Full size", tooltip="paint the picture in its own size")
        whole.on_click(lambda _: self._paint(self._given))
        super().__init__([widgets.VBox([*knobs, whole, self._says]), self._image])
        self._paint(self._small)

    def _row(self, index: int, parameter: Parameter) -> Any:
        widget = knob(parameter, getattr(self.pipeline.stages[index], parameter.name))

        def changed(event: Mapping[str, Any]) -> None:
            try:
                value = setting(parameter, event["new"]) if isinstance(widget, widgets.Text) else event["new"]
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
        self._says.value = f'<pre style="max-width:30em;white-space:pre-wrap">{html.escape(text)}</pre>'


def knob(parameter: Parameter, value: Any) -> Any:
    """Return the widget that fits a parameter: a menu, a check box, a slider, a number or a line of text."""
    common = {
        "description": parameter.name.replace("_", " "),
        "tooltip": parameter.help,
        "style": WIDE,
        "layout": LAYOUT,
    }
    low, high = parameter.low, parameter.high
    if parameter.type is bool:
        return widgets.Checkbox(value=value, **common, indent=True)
    if parameter.choices is not None and not parameter.listed:
        return widgets.Dropdown(options=parameter.choices, value=value, **common)
    if parameter.type in (int, float) and low is not None and high is not None:
        kind = widgets.IntSlider if parameter.type is int else widgets.FloatSlider
        step = 1 if parameter.type is int else (high - low) / 100
        return kind(value=value, min=low, max=high, step=step, continuous_update=False, **common)
    if parameter.type in (int, float):
        kind = widgets.BoundedIntText if parameter.type is int else widgets.BoundedFloatText
        top = high if high is not None else 10**9
        return kind(value=value, min=low if low is not None else -(10**9), max=top, continuous_update=False, **common)
    entries = "+".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else str(value)
    return widgets.Text(value=entries, placeholder=parameter.range, continuous_update=False, **common)


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
