"""Controls: what a front end shows for a parameter, one description for the notebook and the page."""

import pytest

import impasto
from impasto.stage import Control, plain_value, preset_values


class Many(impasto.Postprocessor, name="many-controls-of-this-test"):
    """Has a parameter of each kind."""

    presets = {"soft": impasto.Preset("gently", amount=0.1)}  # noqa: RUF012

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share")
    eps: float = impasto.param(default=1e-3, low=1e-6, high=10, help="regularisation")
    radius: float = impasto.param(default=8.0, low=0, high=10_000, help="in pixels")
    count: int = impasto.param(default=16, low=3, high=100, multiple=8, help="how many")
    on: bool = impasto.param(default=True, help="whether")
    mode: str = impasto.param(default="up", choices=("up", "down"), help="where")
    layers: tuple[str, ...] = impasto.param(default=("a", "b"), help="which")
    seed: int | None = impasto.param(default=None, help="of its own")


def control(name):
    return Control.of(Many.parameters()[name], getattr(Many(), name))


@pytest.mark.parametrize(
    ("name", "kind", "bounds"),
    [
        ("amount", "slider", (0, 1, 0.01)),
        ("eps", "log-slider", (1e-6, 10, 0.05)),
        ("radius", "number", (0, 10_000, 1.0)),
        ("count", "slider", (8, 100, 8)),
        ("on", "switch", (None, None, None)),
        ("mode", "menu", (None, None, None)),
        ("layers", "text", (None, None, None)),
        ("seed", "text", (None, None, None)),
    ],
)
def test_each_parameter_has_the_control_that_fits_it(name, kind, bounds):
    found = control(name)
    assert (found.kind, (found.low, found.high, found.step)) == (kind, bounds)
    assert found.help == Many.parameters()[name].help


def test_values_are_those_of_toml():
    assert (control("layers").value, control("layers").listed, control("seed").value) == (["a", "b"], True, "none")
    assert plain_value((1, 2)) == [1, 2]


@pytest.mark.parametrize(("value", "rounded"), [(0.0123456, 0.0123), (1e-9, 1e-6), (99.0, 10)])
def test_what_a_logarithmic_slider_sets_is_a_short_number_in_the_range(value, rounded):
    assert control("eps").rounded(value) == rounded


def test_a_preset_takes_back_what_another_one_set():
    assert preset_values(Many(amount=0.9)) == {"default": {"amount": 0.5}, "soft": {"amount": 0.1}}
