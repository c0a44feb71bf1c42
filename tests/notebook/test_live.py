"""A run in a notebook shows its picture and its losses as it goes."""

import io

import pytest
import torch
from PIL import Image

import impasto
from impasto.notebook import Sheet, plot

STYLE = torch.full((1, 3, 16, 16), 0.5)


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


def grey(value, height=20, width=30):
    return torch.full((1, 3, height, width), value)


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
