"""A run in a notebook shows its picture and its losses as it goes."""

import io

import pytest
from PIL import Image

import impasto
from impasto.notebook import Sheet, plot

from .example_stages import STYLE, Twice, grey


def opened(data):
    return Image.open(io.BytesIO(data))


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
