"""The widget of `impasto.tune`: a pipeline's parameters as sliders and menus beside what it paints."""

from __future__ import annotations

import html
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from ..errors import ParameterError
from ..functional.resizing import fit_within
from ..picture import Picture, read
from ..pipeline import Pipeline, parse_value
from ..stage import Control, Parameter, Stage, Style, preset_values
from .widgets import parameter_widget, preset_widget, widget_value

FORMS: dict[str, Callable[[Pipeline], str]] = {
    "as Python": repr,
    "as a command": lambda pipeline: f"--with {shlex.quote(pipeline.to_line())}",
    "as TOML": Pipeline.to_toml,
}
"""How the pipeline is written, to be copied."""
# A long column of widgets scrolls by itself, so that the picture stays beside the one that is changed; a wide picture
# shrinks before the widgets do, and goes below them where hardly any room is left.
LEFT = {"flex": "0 0 auto", "max_height": "80vh", "overflow": "hidden auto"}
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
        self._following = False
        self._past: list[Pipeline] = []
        self._widgets: list[tuple[Any, dict[str, Any], dict[str, dict[str, Any]]]] = []
        """Of each stage: the menu of presets, the widgets of its parameters, and what each preset sets."""
        self._full = (read(content), style, dict(how))
        self._small = (
            fit_picture(content, size),
            fit_styles(style, size),
            {key: fit_option(key, how[key], size) for key in how},
        )
        self._image = widgets.Image(format="png", layout={"max_width": "100%", "flex": "0 0 auto"})
        self._text = widgets.HTML()
        rows: list[Any] = []
        for index, stage in enumerate(pipeline.stages):
            rows.append(widgets.HTML(f"<b>{html.escape(stage.name)}</b>"))
            rows += self._rows(index)
        whole = widgets.Button(description="Full size", tooltip="paint the picture in its own size")
        whole.on_click(lambda _: self._paint(self._full))
        undo = widgets.Button(description="Undo", tooltip="back to the values before")
        undo.on_click(lambda _: self.undo())
        self._before = widgets.ToggleButton(description="Photograph", tooltip="show the picture as it came")
        self._before.observe(lambda _: self._show(), names="value")
        self._form = widgets.Dropdown(options=list(FORMS), tooltip="how the pipeline is written below")
        self._form.observe(lambda _: self._print(FORMS[self._form.value](self.pipeline)), names="value")
        more = widgets.HBox([undo, self._before, self._form])
        right = widgets.VBox([self._image, whole, self._text, more], layout=RIGHT)
        super().__init__([widgets.VBox(rows, layout=LEFT), right], layout={"flex_flow": "row wrap"})
        self._paint(self._small)

    def _rows(self, index: int) -> Iterator[Any]:
        """Yield the widgets of one stage: its presets, if it has any, then its parameters."""
        stage = self.pipeline.stages[index]
        choices = preset_values(stage)
        menu = preset_widget(stage, fitting_preset(stage, choices))
        rows = {
            name: parameter_widget(parameter, getattr(stage, name)) for name, parameter in stage.parameters().items()
        }

        def changed(parameter: Parameter, event: Mapping[str, Any]) -> None:
            widget, value = rows[parameter.name], event["new"]
            if self._following:
                return
            try:
                if isinstance(widget, widgets.Text):
                    value = parse_value(value, parameter)
                elif isinstance(widget, widgets.FloatLogSlider):
                    # Its powers of ten are crooked numbers, and the pipeline is there to be read.
                    value = Control.of(parameter, value).rounded(value)
                self._change(index, {parameter.name: value})
            except ParameterError as error:
                self._print(str(error))
                return
            self._follow({menu: fitting_preset(self.pipeline.stages[index], choices)})
            self._paint(self._small)

        def chosen(event: Mapping[str, Any]) -> None:
            if self._following:
                return
            values = choices[event["new"]]
            try:
                self._change(index, values)
            except ParameterError as error:
                self._print(str(error))
                return
            self._follow({rows[key]: widget_value(rows[key], value) for key, value in values.items()})
            self._paint(self._small)

        for name, parameter in stage.parameters().items():
            rows[name].observe(partial(changed, parameter), names="value")
        menu.observe(chosen, names="value")
        self._widgets.append((menu, rows, choices))
        yield from (*([menu] if stage.presets else []), *rows.values())

    def undo(self) -> None:
        """Go back to the values before the last change, if there was one."""
        if not self._past:
            return
        self.pipeline = self._past.pop()
        values: dict[Any, Any] = {}
        for stage, (menu, rows, choices) in zip(self.pipeline.stages, self._widgets, strict=True):
            values[menu] = fitting_preset(stage, choices)
            values |= {row: widget_value(row, getattr(stage, name)) for name, row in rows.items()}
        self._follow(values)
        self._paint(self._small)

    def _change(self, index: int, values: Mapping[str, Any]) -> None:
        """Change parameters of a stage, and remember how it was."""
        pipeline = self.pipeline.replace(index, **values)
        self._past.append(self.pipeline)
        self.pipeline = pipeline

    def _follow(self, values: Mapping[Any, Any]) -> None:
        """Set widgets to what another one has changed in the pipeline."""
        self._following = True
        try:
            for widget, value in values.items():
                widget.value = value
        finally:
            self._following = False

    def _paint(self, given: tuple[Any, Any, Mapping[str, Any]]) -> None:
        content, style, how = given
        self._print("painting …")
        try:
            self.picture = self.pipeline(content, style, **how)
        except (ValueError, RuntimeError, LookupError, OSError) as error:
            self._print(str(error))
            return
        self._print(FORMS[self._form.value](self.pipeline))
        self._show()

    def _show(self) -> None:
        """Show the picture, or the one that it was made of."""
        shown = self._small[0] if self._before.value else self.picture
        if shown is not None:
            self._image.value = shown._repr_png_()

    def _print(self, text: str) -> None:
        self._text.value = f'<pre style="white-space:pre-wrap;word-break:normal">{html.escape(text)}</pre>'


def fitting_preset(stage: Stage, choices: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the name of the choice whose values a stage has; None for values of the user's own."""
    return next((name for name, own in choices.items() if own.items() <= stage.values().items()), None)


def fit_picture(content: Any, size: int) -> Picture:
    """Return a picture whose longer side is `size` at most."""
    picture = read(content)
    if max(picture.size) <= size:
        return picture
    alpha = None if picture.alpha is None else fit_within(picture.alpha, size).clamp(0, 1)
    return Picture(fit_within(picture.visible, size), alpha)


def fit_styles(style: Any, size: int) -> Any:
    """Return styles as they are given, pictures among them shrunk."""
    if style is None or isinstance(style, Style):
        return style
    if isinstance(style, (list, tuple)):
        return [fit_styles(one, size) for one in style]
    return fit_picture(style, size)


def fit_option(key: str, value: Any, size: int) -> Any:
    """Return what a run takes beside its pictures, masks and regions shrunk as the content is."""
    if key == "mask" and value is not None:
        return fit_picture(value, size)
    if key == "guides" and isinstance(value, Mapping):
        return {label: fit_picture(area, size) for label, area in value.items()}
    return value
