"""Sample pictures: offline, repeatable, the same composition at any size, each a style of its own."""

import hashlib
import socket
import subprocess
import sys
from importlib import import_module
from inspect import isfunction, signature
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import samples


@pytest.fixture(scope="module")
def drawn() -> dict[str, Tensor]:
    return {name: samples.style(name, 96) for name in samples.styles()}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a sample picture opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def digest(picture: Tensor) -> str:
    return hashlib.sha256(picture.numpy().tobytes()).hexdigest()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", samples.contents())
def test_photograph_is_bundled_and_ready_for_a_pipeline(name: str) -> None:
    assert (samples.BUNDLED / samples.PHOTOGRAPHS[name]).is_file()
    picture = samples.content(name)
    assert picture.dtype == torch.float32
    assert picture.shape[:2] == (1, 3)
    assert 0 <= picture.min() < 0.2
    assert 0.8 < picture.max() <= 1
    small = samples.content(name, 64)
    assert max(small.shape[-2:]) == 64
    assert 0 <= small.min() <= small.max() <= 1
    height, width = picture.shape[-2:]
    assert abs(small.shape[-2] * width - small.shape[-1] * height) <= max(height, width)


def test_photographs_are_the_ones_scikit_image_loads() -> None:
    data = pytest.importorskip("skimage.data")
    for name in ("astronaut", "cat", "coffee", "rocket"):
        pixels = (samples.content(name)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        np.testing.assert_array_equal(pixels, getattr(data, name)())


def test_a_photograph_missing_from_the_wheel_is_not_offered(monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
    monkeypatch.setitem(samples.PHOTOGRAPHS, "eagle", "eagle.png")  # scikit-image would download this one
    assert "eagle" not in samples.contents()
    with pytest.raises(LookupError, match="available: astronaut"):
        samples.content("eagle")


def test_small_photographs_are_antialiased() -> None:
    # in shrinking 8 times the galaxies must average out, not twinkle: compare with the mean of 8x8 blocks
    picture = samples.content("hubble")
    picture = picture[..., :872, :1000]
    small = samples.content("hubble", 125)
    blocks = F.avg_pool2d(picture, 8)
    assert F.mse_loss(small, blocks).sqrt() < 0.02


def test_every_drawing_is_listed_and_none_is_loaded_before_it_is_drawn() -> None:
    modules = {name: import_module(f"impasto.samples.{name}") for name in set(samples.DRAWINGS.values())}
    public = {
        (name.replace("_", "-"), module)
        for module, contents in modules.items()
        for name, value in vars(contents).items()
        if isfunction(value)
        and value.__module__ == contents.__name__
        and [*signature(value).parameters] == ["n", "rng"]
        if not name.startswith("_")
    }
    assert public == set(samples.DRAWINGS.items())
    program = (
        "import os, sys; os.environ['IMPASTO_PLUGINS'] = ''\n"
        "from impasto import samples; samples.styles(); samples.content('cat', 64)\n"
        "assert not {'impasto.samples.easel', 'skimage', 'scipy'} & sys.modules.keys()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_there_are_a_dozen_styles_with_typable_names() -> None:
    names = samples.styles()
    assert len(names) >= 12
    assert names == sorted(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", samples.styles())
def test_style_is_repeatable_and_leaves_random_numbers_alone(name: str, drawn: dict[str, Tensor]) -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = samples.style(name, 96)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(again, drawn[name])
    assert again.shape == (1, 3, 96, 96)
    assert again.dtype == torch.float32
    assert again.is_contiguous()
    assert 0 <= again.min() < 0.3
    assert 0.7 < again.max() <= 1


def test_another_process_draws_the_same_bits(drawn: dict[str, Tensor]) -> None:
    names = ["impasto", "marbling"]
    program = (
        "import hashlib, torch; torch.set_num_threads(2); from impasto import samples\n"
        f"for name in {names}: print(hashlib.sha256(samples.style(name, 96).numpy().tobytes()).hexdigest())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [digest(drawn[name]) for name in names]


@pytest.mark.parametrize("name", samples.styles())
def test_style_is_one_composition_at_any_size(name: str, drawn: dict[str, Tensor]) -> None:
    large = F.interpolate(samples.style(name, 192), size=(24, 24), mode="area")
    small = F.interpolate(drawn[name], size=(24, 24), mode="area")
    assert F.l1_loss(large, small) < 0.02
    stacked = torch.stack([large.flatten(), small.flatten()])
    assert torch.corrcoef(stacked)[0, 1] > 0.98


def test_style_has_texture_and_colour(drawn: dict[str, Tensor]) -> None:
    for name, picture in drawn.items():
        detail = picture - F.avg_pool2d(picture, 3, 1, 1, count_include_pad=False)
        assert detail.std() > 0.01, f"{name} is flat"
        assert picture.std() > 0.1, f"{name} has no contrast"
        hues = picture.amax(1) - picture.amin(1)
        assert hues.mean() > 0.05, f"{name} is grey"


def test_styles_differ_from_each_other(drawn: dict[str, Tensor]) -> None:
    # what a style transfer would see of them: how colours, and their changes across and down, go together
    def gram(picture: Tensor) -> Tensor:
        across, down = (
            picture[..., 1:, 1:] - picture[..., 1:, :-1],
            picture[..., 1:, 1:] - picture[..., :-1, 1:],
        )
        features = torch.cat([picture[..., 1:, 1:], 3 * across, 3 * down], 1).flatten(2)[0]
        return features @ features.T / features.shape[1]

    grams = {name: gram(picture) for name, picture in drawn.items()}
    for one, other in combinations(grams, 2):
        distance = (grams[one] - grams[other]).norm() / (grams[one].norm() + grams[other].norm())
        assert distance > 0.02, f"{one} and {other} look alike"


def test_a_rectangle_is_the_middle_of_the_square() -> None:
    square, wide = samples.style("mosaic", 96), samples.style("mosaic", (64, 96))
    assert wide.shape == (1, 3, 64, 96)
    assert torch.equal(wide, square[..., 16:80, :])


@pytest.mark.parametrize("pick", [samples.content, samples.style])
def test_a_misspelt_name_lists_what_there_is(pick: object) -> None:
    names = {samples.content: ("astronuat", "astronaut"), samples.style: ("watercolor", "watercolour")}
    typed, meant = names[pick]
    with pytest.raises(LookupError, match=f"did you mean '{meant}'") as refused:
        pick(typed)
    assert "available: " in str(refused.value)
    assert repr(typed) in str(refused.value)


def test_an_impossible_size_says_what_would_work() -> None:
    with pytest.raises(ValueError, match="at least 8; got 0"):
        samples.style("impasto", 0)
    with pytest.raises(ValueError, match=r"at least 8; got \(4, 64\)"):
        samples.style("impasto", (4, 64))
    with pytest.raises(ValueError, match="at least 1; got 0"):
        samples.content("cat", 0)


class Offering:
    """A plugin that offers a picture twice as wide as high, and what is none."""

    __name__ = "impasto-shades 1.0"

    def __init__(self, **more: object) -> None:
        self.more = more

    @staticmethod
    def shade(size: int) -> Tensor:
        ramp = torch.linspace(0, 1, size).expand(1, 3, -(-size // 2), size)
        return ramp.contiguous()

    @impasto.hookimpl
    def impasto_samples(self) -> dict[str, object]:
        return {"shade": self.shade, **self.more}


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch):
    def offered(*plugins: object) -> None:
        host = impasto.Host(*plugins)
        monkeypatch.setattr("impasto.host.registry._installed", lambda: host)

    return offered


def test_a_picture_of_a_plugin_is_a_content_and_a_style(offered) -> None:
    offered(Offering())
    assert "shade" in samples.contents()
    assert "shade" in samples.styles()
    assert torch.equal(samples.content("shade", 64), Offering.shade(64))
    assert samples.content("shade").shape == (1, 3, 256, 512)
    assert torch.equal(samples.style("shade", 64), Offering.shade(64))
    assert torch.equal(samples.style("shade", (64, 64)), Offering.shade(128)[..., 32:96])
    assert samples.style("shade", (9, 64)).shape == (1, 3, 9, 64)
    with pytest.raises(LookupError, match="did you mean 'shade'"):
        samples.content("shades")


def test_a_plugin_changes_none_of_our_own_pictures(offered) -> None:
    before = samples.style("mosaic", 32), samples.content("cat", 32), samples.contents(), samples.styles()
    offered(Offering(mosaic=Offering.shade, cat=Offering.shade))
    assert torch.equal(samples.style("mosaic", 32), before[0])
    assert torch.equal(samples.content("cat", 32), before[1])
    assert {"mosaic", "cat"}.isdisjoint(set(samples.contents()) ^ set(before[2]))
    with pytest.raises(LookupError, match="no sample called 'mosaic'"):
        samples.content("mosaic")


def test_a_picture_that_two_plugins_offer_goes_by_its_qualified_name(offered) -> None:
    other = Offering()
    other.__name__ = "impasto-other 1.0"
    offered(Offering(), other)
    assert torch.equal(samples.content("impasto-other/shade", 32), Offering.shade(32))
    assert "impasto-shades/shade" in samples.styles()


@pytest.mark.parametrize(
    ("drawn", "found"),
    [
        (lambda size: None, "gave back None"),
        (lambda size: torch.zeros(3, size, size), r"gave back \(3, 32, 32\) torch.float32"),
        (lambda size: torch.zeros(1, 3, size, size, dtype=torch.uint8), "torch.uint8"),
        (lambda size: torch.zeros(1, 3, size // 2, size // 2), r"gave back \(1, 3, 16, 16\)"),
        (lambda size: torch.full((1, 3, size, size), 255.0), "255 to 255"),
        (lambda size: torch.full((1, 3, size, size), torch.nan), "nan"),
        (lambda size: torch.zeros(1, 3, size, 0), r"\(1, 3, 32, 0\)"),
    ],
)
def test_what_is_no_picture_is_said_to_be_the_plugins_fault(offered, drawn, found) -> None:
    offered(Offering(wrong=drawn))
    with pytest.raises(impasto.PluginError, match=f"impasto-shades 1.0: its sample wrong, asked for 32(.|\n)*{found}"):
        samples.content("wrong", 32)
