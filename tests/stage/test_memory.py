"""A picture that does not fit into memory is refused before the work begins, in words that say what would."""

from typing import ClassVar

import pytest
import torch

import impasto
from impasto.stage import check_memory

CONTENT = impasto.samples.content("cat", 64)


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("impasto.stage.memory.free_memory", lambda device: 1_000_000)


class Heavy(impasto.Postprocessor, name="heavy"):
    """Take a kilobyte for each pixel."""

    bytes_per_pixel: ClassVar[int] = 1000

    def refine(self, image, content, styles):
        raise AssertionError("began")


class HeavyStylizer(impasto.Stylizer, name="heavy-stylizer"):
    """Take a kilobyte for each pixel."""

    bytes_per_pixel: ClassVar[int] = 1000

    def stylize(self, content, styles, guides):
        raise AssertionError("began")


class HeavyPreprocessor(impasto.Preprocessor, name="heavy-preprocessor"):
    """Take a kilobyte for each pixel."""

    bytes_per_pixel: ClassVar[int] = 1000

    def prepare(self, canvas):
        raise AssertionError("began")


@pytest.mark.parametrize("stage", [Heavy(), HeavyStylizer(), HeavyPreprocessor()])
def test_what_does_not_fit_is_refused_before_the_work(little_memory, stage):
    said = f"{stage.name}: 64×.* pixels need about .* GB are free on cpu"
    with pytest.raises(impasto.StageError, match=said) as caught:
        impasto.Pipeline(stage)(CONTENT, CONTENT, device="cpu")
    assert "at most 3" in str(caught.value)
    assert "pipe(..., size=3" in str(caught.value)


def test_what_fits_or_cannot_be_known_is_painted(monkeypatch):
    for free in (10**9, None):
        monkeypatch.setattr("impasto.stage.memory.free_memory", lambda device, free=free: free)
        check_memory("fresco", 10**8, (1000, 1000), torch.device("cpu"))


HEAVY = [
    "mrf",
    "semantic",
    "analogy",
    "neural-color",
    "local",
    "wct-photo",
    "matte-mask",
    "photo-smooth",
    "wls-smooth",
    "superpixels",
]


@pytest.mark.parametrize("stage", [*HEAVY, "segment-regions"])
def test_stages_that_take_much_memory_say_so(stage):
    from impasto.host import get_host

    assert get_host().stage(stage).bytes_per_pixel >= 200
