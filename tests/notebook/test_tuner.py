"""Widgets of `impasto.tune`: what is changed there is painted, and is in the pipeline."""

from typing import ClassVar

import pytest
import torch

import impasto

from .example_stages import STYLE, Once, Twice, grey


class Faint(Once, name="faint"):
    """Leave the picture."""

    eps: float = impasto.param(default=1e-3, low=1.23456e-6, high=10, help="how faint")


@pytest.fixture
def tuner():
    pytest.importorskip("ipywidgets")
    return impasto.tune(impasto.Pipeline(Twice(), Once()), grey(0.5, 100, 200), STYLE, size=50)


def parameter_widgets(tuner):
    return {widget.description: widget for widget in tuner.children[0].children}


def shown(tuner):
    """The picture, the button below it, and what is said below that."""
    return tuner.children[1].children


def test_each_parameter_has_its_parameter_widget(tuner):
    found = parameter_widgets(tuner)
    kinds = {name: type(found[name]).__name__ for name in ("strength", "count", "mode", "layers")}
    assert kinds == {"strength": "FloatSlider", "count": "BoundedIntText", "mode": "Dropdown", "layers": "Text"}
    assert (found["strength"].min, found["strength"].max) == (0, 1)


def test_a_slider_of_powers_of_ten_gives_numbers_that_can_be_read():
    pytest.importorskip("ipywidgets")
    tuner = impasto.tune(Faint(), grey(0.5), STYLE)
    parameter_widgets(tuner)["eps"].value = 10**-2.05
    assert repr(tuner.pipeline) == "Pipeline(Faint(eps=0.00891))"
    parameter_widgets(tuner)["eps"].value = 10**-6.0
    assert tuner.pipeline == impasto.Pipeline(Faint(eps=1.23456e-6))


def test_changing_a_widget_paints_and_changes_the_pipeline(tuner):
    assert tuner.picture.size == (25, 50)
    before = shown(tuner)[0].value
    parameter_widgets(tuner)["mode"].value = "down"
    assert tuner.pipeline.stages[0] == Twice(mode="down")
    assert tuner.picture.tensor.mean() < 0.5
    assert shown(tuner)[0].value != before
    parameter_widgets(tuner)["layers"].value = "3+4"
    assert tuner.pipeline.stages[0].layers == (3, 4)


class Shaded(Once, name="shaded"):
    """Leave the picture."""

    presets: ClassVar = {
        "dark": impasto.Preset("for the night", shade=0.1, tints=(1, 2)),
        "light": impasto.Preset("for the day", shade=0.9),
    }

    shade: float = impasto.param(default=0.5, low=0, high=1, help="how light it is")
    tints: tuple[int, ...] = impasto.param(default=(), low=0, high=9, help="colours of it")
    size: int = impasto.param(default=3, low=1, high=9, help="of the brush")


def test_a_preset_sets_its_parameters_and_leaves_the_others(monkeypatch):
    pytest.importorskip("ipywidgets")
    tuner = impasto.tune(Shaded(), grey(0.5), STYLE)
    found = parameter_widgets(tuner)
    assert found["preset"].value == "default"
    found["size"].value = 7
    painted = []
    monkeypatch.setattr(type(tuner), "_paint", lambda self, given: painted.append(self.pipeline))
    found["preset"].value = "dark"
    assert painted == [impasto.Pipeline(Shaded(shade=0.1, tints=(1, 2), size=7))]
    assert (found["shade"].value, found["tints"].value) == (0.1, "1+2")
    found["preset"].value = "light"
    assert tuner.pipeline == impasto.Pipeline(Shaded(shade=0.9, size=7))
    found["shade"].value = 0.3
    assert found["preset"].value is None
    found["shade"].value = 0.5
    assert found["preset"].value == "default"
    assert len(painted) == 4


def test_a_stage_without_presets_has_no_menu_of_them(tuner):
    assert "preset" not in parameter_widgets(tuner)


def test_a_value_that_does_not_fit_is_said_and_changes_nothing(tuner):
    before = tuner.pipeline
    parameter_widgets(tuner)["layers"].value = "three"
    assert tuner.pipeline == before
    assert "layers" in shown(tuner)[2].value


def test_undo_takes_changes_back_in_the_pipeline_and_in_the_widgets(tuner):
    undo, *_ = shown(tuner)[3].children
    before, found = tuner.pipeline, parameter_widgets(tuner)
    found["mode"].value = "down"
    found["strength"].value = 0.25
    undo.click()
    assert tuner.pipeline == impasto.Pipeline(Twice(mode="down"), Once())
    undo.click()
    undo.click()
    assert (tuner.pipeline, found["mode"].value) == (before, "up")


def test_the_photograph_is_shown_beside_and_the_pipeline_written_in_each_form(tuner):
    _, photograph, form = shown(tuner)[3].children
    painted = shown(tuner)[0].value
    photograph.value = True
    assert shown(tuner)[0].value != painted
    photograph.value = False
    assert shown(tuner)[0].value == painted
    for name, text in (("as a command", "--with &#x27;"), ("as TOML", "[[stages]]"), ("as Python", "Pipeline(")):
        form.value = name
        assert text in shown(tuner)[2].value


def test_full_size_paints_the_picture_as_it_is(tuner):
    shown(tuner)[1].click()
    assert tuner.picture.size == (100, 200)


def test_masks_and_regions_shrink_with_the_picture():
    pytest.importorskip("ipywidgets")
    mask = torch.zeros(1, 1, 100, 200)
    mask[..., :100] = 1
    tuner = impasto.tune(Twice(), grey(0.5, 100, 200), STYLE, size=50, mask=mask)
    assert (tuner.picture.tensor[..., 30:] - 0.5).abs().max() < 1e-3
    assert (tuner.picture.tensor[..., :20] - 0.6).abs().max() < 1e-3
