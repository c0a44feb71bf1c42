"""Each kind of parameter has the widget that fits it."""

import pytest

import impasto
from impasto.stage import Declared


@pytest.mark.parametrize(
    ("declared", "kind", "readout"),
    [
        ((float, 1.0, 0.1, 4), "FloatSlider", ".2f"),
        ((float, 1e-3, 1e-6, 10), "FloatLogSlider", ".3g"),  # on a straight track 0.001 would be 0
        ((float, 8.0, 0, 10_000), "BoundedFloatText", None),  # a pixel of the track would be 80
        ((float, 0.999, 0.5, 1), "BoundedFloatText", None),
        ((float, 0.0, 0, 1), "FloatSlider", ".2f"),
        ((int, 5, 1, 50), "IntSlider", "d"),
        ((int, 8, 1, 1000), "BoundedIntText", None),
    ],
)
def test_a_slider_is_for_what_can_be_aimed_at(declared, kind, readout):
    pytest.importorskip("ipywidgets")
    from impasto.notebook.widgets import parameter_widget

    type_, default, low, high = declared

    class Some(Declared, name="some"):
        """Has one parameter."""

        value: type_ = impasto.param(default=default, low=low, high=high, help="help")

    widget = parameter_widget(Some.parameters()["value"], default)
    assert (type(widget).__name__, getattr(widget, "readout_format", None)) == (kind, readout)
    assert widget.value == default


@pytest.mark.parametrize("high", [100, 1000])
def test_a_widget_offers_only_multiples_where_only_those_are_allowed(high):
    pytest.importorskip("ipywidgets")
    from impasto.notebook.widgets import parameter_widget

    class Some(Declared, name="some"):
        """Has one parameter."""

        value: int = impasto.param(default=16, low=3, high=high, multiple=8, help="help")

    widget = parameter_widget(Some.parameters()["value"], 16)
    assert (widget.min, widget.step, widget.value) == (8, 8, 16)
