"""Stages of which one knows what they do, alone installed, and pictures to run them on."""

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

import impasto


class Blend(impasto.Stylizer, name="blend"):
    """Move the picture towards the style's mean colour."""

    presets: ClassVar = {
        "grainy": impasto.Preset("as old film is", noise=0.1),
        "strong": impasto.Preset("hardly any of the picture", amount=0.9, noise=0.0),
    }

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the style")
    noise: float = impasto.param(default=0.0, low=0, help="standard deviation of grain")

    def stylize(self, content, styles, guides):
        total = sum(style.weight for style in styles)
        colour = sum(style.weight / total * style.image.mean((2, 3), keepdim=True) for style in styles)
        grain = torch.randn(content.shape, generator=self.generator("cpu"))
        return content.lerp(colour, self.amount) + self.noise * grain


class Slow(impasto.Stylizer, name="slow"):
    """Darken step by step, and be interrupted or fail when told to."""

    demo: ClassVar[dict[str, int]] = {"steps": 2}
    style = "optional"
    steps: int = impasto.param(default=500, low=1, help="steps")
    stop: int = impasto.param(default=0, low=0, help="step at which the user presses Ctrl-C; 0: never")

    def stylize(self, content, styles, guides):
        for step in range(1, self.steps + 1):
            if step == self.stop:
                raise KeyboardInterrupt
            self.report(step, self.steps, content * 0.5, {"dark": content.mean()})
        return content * 0.5


class Picky(impasto.Stylizer, name="picky"):
    """Refuse pictures that are wider than high."""

    style = "optional"

    def stylize(self, content, styles, guides):
        if content.shape[-1] > content.shape[-2]:
            raise ValueError("too wide\n  what would work: a narrower picture")
        return 1 - content


class Plugin:
    __name__ = "impasto-test 1.0"

    @impasto.hookimpl
    def impasto_stylizers(self):
        return [Blend, Slow, Picky]


@pytest.fixture
def stages():
    return SimpleNamespace(Blend=Blend, Slow=Slow, Picky=Picky)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Only the stages above are installed, and each test has a folder of its own to work in."""
    host = impasto.Host(Plugin())
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    monkeypatch.setattr("impasto.cli.paint.PREFERRED", ("adain", "blend"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return host


@pytest.fixture
def make():
    """Write a picture of one colour."""

    def make(path, value=(0.2, 0.4, 0.6), size=(12, 8)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        picture = torch.tensor(value, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, *size)
        impasto.read(picture).save(path)
        return str(path)

    return make


@pytest.fixture
def photo(installed, make):
    return make("photo.png")


@pytest.fixture
def painting(installed, make):
    return make("painting.png", (1.0, 0.0, 0.0), (5, 9))


@pytest.fixture
def mean():
    """Return the mean colour of a picture file."""

    def mean(path):
        return [round(value, 2) for value in impasto.read(path).tensor.mean((0, 2, 3)).tolist()]

    return mean
