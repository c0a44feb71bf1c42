"""What notebooks show: sheets, sliders, sweeps, runs as they go, and knobs."""

import io
import re

import pytest
import torch
from PIL import Image

import impasto
from impasto.notebook import Comparison, Sheet, plot
from impasto.stage import Parameter


class Twice(impasto.Stylizer, name="twice"):
    """Paint in two steps."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how much")
    count: int = impasto.param(default=2, low=1, help="how often")
    mode: str = impasto.param(default="up", choices=("up", "down"), help="where to")
    layers: tuple[int, ...] = impasto.param(default=(1, 2), low=1, help="which")

    def stylize(self, content, styles, guides):
        """Brighten."""
        sign = 1 if self.mode == "up" else -1
        for step in range(1, self.count + 1):
            content = content + sign * self.strength * 0.1
            self.report(step, self.count, content, {"content": content.mean(), "style": 1 / content.mean()})
        return content


class Once(impasto.Postprocessor, name="once"):
    """Leave the picture."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how much")

    def refine(self, image, content, styles):
        """Return it."""
        return image


class Faint(Once, name="faint"):
    """Leave the picture."""

    eps: float = impasto.param(default=1e-3, low=1.23456e-6, high=10, help="how faint")


STYLE = torch.full((1, 3, 16, 16), 0.5)


def grey(value, height=20, width=30):
    return torch.full((1, 3, height, width), value)


def opened(data):
    return Image.open(io.BytesIO(data))


# --------------------------------------------------------------------------------------------- side by side


def test_pictures_are_shown_in_order_under_their_names():
    sheet = impasto.show(grey(0.25), after_it=grey(0.75))
    assert repr(sheet) == "Picture(20×30, mean 0.25 0.25 0.25)\nafter it: Picture(20×30, mean 0.75 0.75 0.75)"
    assert len(sheet) == 2
    assert sheet[1].tensor.mean() == 0.75
    image = sheet.pil()
    left, right = image.getpixel((15, image.height - 5)), image.getpixel((image.width - 40, image.height - 5))
    assert left == (64, 64, 64)
    assert right == (191, 191, 191)
    assert opened(sheet._repr_jpeg_()).size == image.size


def test_masks_styles_batches_and_what_has_a_picture_are_shown():
    class Field:
        def picture(self):
            return grey(0.1)

    sheet = impasto.show(torch.ones(1, 1, 8, 8), impasto.Style(grey(0.3)), torch.rand(2, 3, 8, 8), field=Field())
    assert len(sheet) == 5  # a batch is shown one by one
    assert sheet.pil().width > 0


def test_many_pictures_make_rows_that_fit_the_column():
    sheet = impasto.show(*[grey(0.5, 300, 900) for _ in range(7)])
    assert [len(row) for row in sheet.rows] == [4, 3]
    assert sheet.pil().width <= 1560
    assert [len(row) for row in impasto.show(*[grey(0.5)] * 4, columns=2).rows] == [2, 2]


def test_nothing_to_show_is_an_error():
    with pytest.raises(impasto.ParameterError, match="nothing to show"):
        impasto.show()


def test_a_sheet_is_saved_as_a_picture(tmp_path):
    file = impasto.show(grey(0.5)).save(tmp_path / "sheet.png")
    assert impasto.read(file).size == (20, 30)


# ----------------------------------------------------------------------------------------- before and after


def test_a_comparison_holds_both_pictures_and_is_the_same_each_time():
    shown = impasto.compare(grey(0.2), grey(0.6))
    assert "mean difference 0.40" in repr(shown)
    sources = re.findall(r"base64,([^\"]+)", shown._repr_html_())
    assert len(sources) == 2
    assert sources[0] != sources[1]
    assert shown._repr_html_() == impasto.compare(grey(0.2), grey(0.6))._repr_html_()


def test_pictures_of_other_sizes_are_fitted_and_batches_refused():
    assert isinstance(impasto.compare(grey(0.2), grey(0.6, 40, 60)), Comparison)
    with pytest.raises(impasto.ParameterError, match="batches"):
        impasto.compare(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))


# ------------------------------------------------------------------------------------------------- sweeps


def test_a_sweep_paints_every_pair_of_values():
    sheet = impasto.sweep(Twice(), grey(0.5), STYLE, strength=[0.0, 1.0], count=[1, 2, 3])
    assert sheet.titles[2] == ("strength=0.0, count=3", "strength=1.0, count=3")
    means = [[round(picture.tensor.mean().item(), 3) for picture in row] for row in sheet.rows]
    assert means == [[0.5, 0.6], [0.5, 0.7], [0.5, 0.8]]


def test_a_sweep_takes_what_a_run_takes():
    mask = torch.zeros(1, 1, 20, 30)
    mask[..., :15] = 1
    (one,) = impasto.sweep(Twice(), grey(0.5), STYLE, strength=[1.0], mask=mask)
    assert one.tensor[..., 20:].eq(0.5).all()


def test_a_name_that_two_stages_have_asks_which():
    pipe = impasto.Pipeline(Twice(), Once())
    with pytest.raises(impasto.ParameterError, match=r'\*\*\{"twice.strength": \[…\]\}'):
        impasto.sweep(pipe, grey(0.5), STYLE, strength=[0.1])
    sheet = impasto.sweep(pipe, grey(0.5), STYLE, **{"twice.strength": [0.0]})
    assert sheet[0].tensor.mean() == 0.5
    assert sheet.titles == (("strength=0.0",),)


@pytest.mark.parametrize(
    ("values", "says"),
    [({}, "0 parameters"), ({"colour": [1]}, "no stage has a parameter 'colour'"), ({"strength": [2]}, "0 to 1")],
)
def test_a_sweep_says_what_is_wrong(values, says):
    with pytest.raises(impasto.ParameterError, match=says):
        impasto.sweep(Twice(), grey(0.5), STYLE, **values)


# ---------------------------------------------------------------------------------------- while it is painted


def test_live_shows_the_picture_and_the_losses_in_one_place(monkeypatch):
    pytest.importorskip("IPython")
    shown = []

    class Handle:
        def update(self, what):
            shown.append(what)

    def display(what, display_id):
        shown.append(what)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    impasto.Pipeline(Twice(count=25))(grey(0.2), STYLE, plugins=[impasto.Live(every=10)])
    assert list(map(repr, shown)) == [f"twice: step {step} of 25" for step in (1, 10, 20, 25)]
    assert [step for step, _ in shown[-1].curves["style"]] == [1, 10, 20, 25]
    assert opened(shown[-1]._repr_jpeg_()).width > opened(Sheet(((shown[-1].picture,),), (("",),))._repr_jpeg_()).width


def test_live_needs_a_step():
    with pytest.raises(impasto.ParameterError, match="1 or more"):
        impasto.Live(every=0)


def test_a_plot_draws_what_falls_from_left_to_right():
    image = plot({"loss": [(1, 100.0), (50, 10.0), (100, 1.0)]})
    red = [
        (x, y) for x in range(image.width) for y in range(60, image.height) if image.getpixel((x, y)) == (196, 55, 43)
    ]
    assert min(red)[1] < max(red)[1]  # high at the left, low at the right
    assert plot({"nothing": [(1, 0.0)]}).size == image.size


# --------------------------------------------------------------------------------------------------- tuning


@pytest.fixture
def tuner():
    pytest.importorskip("ipywidgets")
    return impasto.tune(impasto.Pipeline(Twice(), Once()), grey(0.5, 100, 200), STYLE, size=50)


def knobs(tuner):
    return {widget.description: widget for widget in tuner.children[0].children}


def shown(tuner):
    """The picture, the button below it, and what is said below that."""
    return tuner.children[1].children


def test_each_parameter_has_its_knob(tuner):
    found = knobs(tuner)
    kinds = {name: type(found[name]).__name__ for name in ("strength", "count", "mode", "layers")}
    assert kinds == {"strength": "FloatSlider", "count": "BoundedIntText", "mode": "Dropdown", "layers": "Text"}
    assert (found["strength"].min, found["strength"].max) == (0, 1)


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
    from impasto.notebook import knob

    type_, default, low, high = declared
    widget = knob(Parameter("some", type_, default, low, high, None, "help", False), default)
    assert (type(widget).__name__, getattr(widget, "readout_format", None)) == (kind, readout)
    assert widget.value == default


def test_a_slider_of_powers_of_ten_gives_numbers_that_can_be_read():
    pytest.importorskip("ipywidgets")
    tuner = impasto.tune(Faint(), grey(0.5), STYLE)
    knobs(tuner)["eps"].value = 10**-2.05
    assert repr(tuner.pipeline) == "Pipeline(Faint(eps=0.00891))"
    knobs(tuner)["eps"].value = 10**-6.0
    assert tuner.pipeline == impasto.Pipeline(Faint(eps=1.23456e-6))


def test_turning_a_knob_paints_and_changes_the_pipeline(tuner):
    assert tuner.picture.size == (25, 50)
    before = shown(tuner)[0].value
    knobs(tuner)["mode"].value = "down"
    assert tuner.pipeline.stages[0] == Twice(mode="down")
    assert tuner.picture.tensor.mean() < 0.5
    assert shown(tuner)[0].value != before
    knobs(tuner)["layers"].value = "3+4"
    assert tuner.pipeline.stages[0].layers == (3, 4)


def test_a_value_that_does_not_fit_is_said_and_changes_nothing(tuner):
    before = tuner.pipeline
    knobs(tuner)["layers"].value = "three"
    assert tuner.pipeline == before
    assert "layers" in shown(tuner)[2].value


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
