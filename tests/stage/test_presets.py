"""Presets: one name for several values, the same in Python, in one line and in TOML, and gone from what is kept."""

from typing import ClassVar

import pytest

import impasto
from impasto import ParameterError, Preset


class Haze(impasto.Postprocessor, name="haze"):
    """Lay a haze over the picture."""

    presets: ClassVar = {
        "morning": Preset("thin and bright, for landscapes", amount=0.2),
        "smog": Preset("thick and grey, for towns", amount=0.7, shade=0.5),
    }

    amount: float = impasto.param(default=0.4, low=0, high=1, help="how thick it is")
    shade: float = impasto.param(default=0.9, low=0, high=1, help="how bright it is", was="light")

    def refine(self, image, content, styles):
        return image.lerp(image.new_tensor(self.shade), self.amount)


class Plain(impasto.Postprocessor, name="plain"):
    """Leave the picture as it is."""


@pytest.fixture
def host(monkeypatch):
    class Plugin:
        __name__ = "impasto-haze 1.0"

        @impasto.hookimpl
        def impasto_postprocessors(self):
            return [Haze, Plain]

    host = impasto.Host(Plugin())
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    return host


def test_a_preset_is_its_values_over_the_defaults():
    assert Haze.preset("morning") == Haze(amount=0.2)
    assert Haze.preset("smog") == Haze(amount=0.7, shade=0.5)
    assert repr(Haze.preset("smog")) == "Haze(amount=0.7, shade=0.5)"


def test_what_is_given_goes_before_the_preset_even_where_it_is_the_default():
    assert Haze.preset("smog", amount=0.4) == Haze(shade=0.5)
    with pytest.warns(impasto.ImpastoDeprecationWarning, match="shade now"):
        assert Haze.preset("smog", light=0.9) == Haze(amount=0.7)


def test_one_line_and_toml_say_the_same(host):
    smog = impasto.Pipeline(Haze.preset("smog", amount=0.1))
    assert impasto.Pipeline.parse("haze:preset=smog:amount=0.1") == smog
    assert impasto.Pipeline.parse("haze:amount=0.1:preset=smog") == smog
    assert impasto.Pipeline.from_toml('[[stages]]\nstage = "haze"\npreset = "smog"\namount = 0.1') == smog


def test_what_is_kept_has_plain_values(host):
    kept = impasto.Pipeline.parse("haze:preset=smog").to_toml()
    assert "preset" not in kept
    assert impasto.Pipeline.from_toml(kept) == impasto.Pipeline(Haze(amount=0.7, shade=0.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("haze:preset=smok", "haze has no preset 'smok'\n  it has: morning, smog\n  did you mean 'smog'"),
        ("haze:preset=3", "haze has no preset 3\n  it has: morning, smog"),
        ("plain:preset=smog", "plain has no preset 'smog'\n  it has: none"),
        ("haze:smog", "haze: 'smog' is not a setting\n  what to type: haze:preset=smog"),
        ("haze:preset=smog:amount=2", "amount = 2 does not fit"),
    ],
)
def test_a_preset_that_there_is_not_is_met_by_those_there_are(host, text, message):
    with pytest.raises(ParameterError, match=message):
        impasto.Pipeline.parse(text)


def test_toml_with_a_list_for_a_preset_is_an_error(host):
    with pytest.raises(ParameterError, match="haze has no preset"):
        impasto.Pipeline.from_toml('[[stages]]\nstage = "haze"\npreset = ["smog"]')


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ({"faint": Preset("hardly any", weight=0.1)}, "the preset 'faint' sets weight.*\n  it has: amount"),
        ({"Faint": Preset("hardly any", amount=0.1)}, "cannot be called 'Faint'"),
        ({"default": Preset("hardly any", amount=0.1)}, "cannot be called 'default'"),
        ({"faint": {"amount": 0.1}}, "what to type: impasto.Preset"),
        ([Preset("hardly any", amount=0.1)], "is no mapping"),
    ],
)
def test_a_preset_that_cannot_be_is_refused_where_it_is_declared(presets, message):
    body = {
        "__annotations__": {"amount": float},
        "amount": impasto.param(default=0.5, low=0, high=1, help="how much of it"),
        "presets": presets,
    }
    with pytest.raises(TypeError, match=message):
        type("Faint", (impasto.Postprocessor,), body)


@pytest.mark.parametrize("make", [lambda: Preset(" ", amount=1), lambda: Preset("sets nothing")])
def test_a_preset_says_what_it_is_for_and_sets_something(make):
    with pytest.raises(TypeError, match=r"what to type: impasto\.Preset"):
        make()
