"""NNST: what is matched against brute force, and what a user may expect of the pictures."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import StageError, Style
from impasto.functional.color import to_space
from impasto.networks import VGG
from impasto.optim import Adam
from impasto.picture import Interrupted
from impasto.testing import parametrize_checks
from impasto_nnst import NNST
from impasto_nnst.descent import PyramidAdam
from impasto_nnst.hypercolumns import centres, hypercolumns, layer_lengths
from impasto_nnst.matching import Matcher, Source, subgrid
from impasto_nnst.nnst import level_sizes
from impasto_nnst.recoloring import recolor


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow VGG with random weights that keep the signal's size: enough to test what does not need eyes."""
    torch.manual_seed(7)
    vgg = VGG((8, 8, 12, 12), "4_1")
    state = vgg.state_dict()
    for name, value in state.items():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(value)
    path = tmp_path_factory.mktemp("network") / "narrow.pth"
    torch.save(state, path)
    return str(path)


def paint(stage: NNST, content: Tensor, *styles: Style | Tensor, seed: int = 0, **more) -> Tensor:
    return impasto.Pipeline(stage)(content, list(styles), device="cpu", precision="float32", seed=seed, **more).tensor


def weave(color: tuple[float, ...], seed: int = 0, side: int = 64) -> Tensor:
    """Crossing stripes in shades of a colour."""
    y, x = torch.meshgrid(torch.arange(side) / 64, torch.arange(side) / 64, indexing="ij")
    a, b, c, d = (10 + 60 * torch.rand(4, generator=torch.Generator().manual_seed(seed))).tolist()
    stripes = torch.sin(a * y + b * x) + torch.sin(c * y - d * x)
    return (torch.tensor(color).view(1, 3, 1, 1) + 0.08 * stripes).clamp(0, 1)


RED, BLUE, GREY = (0.8, 0.2, 0.2), (0.2, 0.2, 0.8), (0.5, 0.5, 0.5)


@parametrize_checks(
    NNST(steps=1),
    NNST(steps=1, coarsest=512, rotations=1, strokes=0.0, spread=0.0, alpha=0.5, smoothness=0.0, colors="moved"),
)
def test_nnst(stage, check, network):
    check(type(stage)(**{**stage.values(), "encoder": network}))


# -------------------------------------------------------------------------------------------- what is matched


def offer(maps: Tensor) -> Source:
    return Source(maps, torch.ones_like(maps[:, :1]))


def test_each_position_takes_the_vector_of_the_nearest_mean_centred_cosine():
    rng = torch.Generator().manual_seed(1)
    maps, style = torch.randn(1, 6, 5, 4, generator=rng) + 2, torch.randn(1, 6, 7, 3, generator=rng) - 1
    match = Matcher(torch.ones(1, 1), 1.0, 0.0)(maps, torch.ones(1, 1, 5, 4), [[offer(style)]])

    ours, theirs = maps[0].flatten(1).T, style[0].flatten(1).T
    cosines = F.normalize(ours - ours.mean(0), dim=1) @ F.normalize(theirs - theirs.mean(0), dim=1).T
    assert torch.equal(match.values[0].flatten(1).T, theirs[cosines.argmax(1)])
    assert torch.allclose(match.centre[0].flatten(1).T, theirs.mean(0).expand(20, 6), atol=1e-6)


def test_spread_uses_more_of_the_style():
    rng = torch.Generator().manual_seed(2)
    maps, style = torch.randn(1, 32, 16, 16, generator=rng), torch.randn(1, 32, 16, 16, generator=rng)

    def used(spread: float) -> int:
        match = Matcher(torch.ones(1, 1), 1.0, spread)(maps, torch.ones(1, 1, 16, 16), [[offer(style)]])
        return len(match.values.flatten(2)[0].T.unique(dim=0))

    assert used(1.0) > 1.1 * used(0.0)


def test_layers_count_alike_whatever_their_numbers():
    rng = torch.Generator().manual_seed(3)
    features = {"a": 100 * torch.rand(1, 4, 16, 16, generator=rng), "b": torch.rand(1, 8, 8, 8, generator=rng)}
    columns = hypercolumns(features, layer_lengths([features]), (8, 8))
    assert columns[:, 4:].square().sum(1).mean() == pytest.approx(1, rel=1e-5)
    assert 0.5 < columns[:, :4].square().sum(1).mean() < 1.01  # averaged over 2 × 2


def test_a_region_has_a_mean_of_its_own():
    left = torch.zeros(1, 1, 4, 6)
    left[..., :2] = 1
    maps = torch.rand(1, 3, 4, 6)
    middle = centres(maps, left)
    assert torch.allclose(middle[..., :2], maps[..., :2].mean((2, 3), keepdim=True).expand(1, 3, 4, 2))
    assert torch.allclose(middle[..., 2:], maps[..., 2:].mean((2, 3), keepdim=True).expand(1, 3, 4, 4))


def test_sizes_double_and_end_with_the_picture():
    assert level_sizes((288, 384), 48, 16) == [(36, 48), (72, 96), (144, 192), (288, 384)]
    assert level_sizes((40, 3000), 48, 16) == [(20, 1500), (40, 3000)]
    assert level_sizes((300, 200), 1000, 16) == [(300, 200)]


def test_positions_drawn_for_strokes_come_from_everywhere():
    rng = torch.Generator().manual_seed(4)
    seen = torch.zeros(70, 50)
    for _ in range(60):
        rows, columns = subgrid((70, 50), 20, rng)
        assert seen[rows, columns].numel() <= 20 * 20
        seen[rows, columns] = 1
    assert seen.mean() > 0.95


# ------------------------------------------------------------------------------------------------ the picture


def test_a_picture_in_its_own_manner_stays_as_it_is(network):
    picture = weave(RED, 5)
    painted = paint(
        NNST(encoder=network, steps=3, coarsest=512, spread=0.0, strokes=0.0, smoothness=0.0), picture, picture
    )
    assert (painted - picture).abs().mean() < 0.03  # a mirrored border continues it only nearly


def test_the_coarse_moves_as_fast_as_the_fine():
    """A large area that is wrong takes Adam as many steps as its colour is far; the pyramid's, a fraction."""

    def after(optimiser, steps: int = 12) -> float:
        image = torch.zeros(1, 3, 64, 64)
        for _ in range(steps):
            image = optimiser.step(image, image - 0.5)
        return float((image - 0.5).abs().mean())

    assert after(PyramidAdam(0.01)) < 0.5 * after(Adam(0.01))


def test_styles_paint_their_regions(network):
    left = torch.zeros(1, 1, 64, 64)
    left[..., :32] = 1
    styles = [Style(weave(RED, 6), region="left"), Style(weave(BLUE, 7), region="rest")]
    painted = paint(
        NNST(encoder=network, steps=8, coarsest=512, strokes=0.0), weave(GREY, 8), *styles, guides={"left": left}
    )
    redness = (painted[:, 0] - painted[:, 2]).mean((0, 1))
    assert redness[:28].min() > 0.04
    assert redness[36:].max() < -0.04


def test_weights_are_shares_of_the_places():
    rng = torch.Generator().manual_seed(9)
    maps, one, other = (torch.randn(1, 6, 10, 10, generator=rng) for _ in range(3))
    shares = torch.tensor([[0.7], [0.3]])
    match = Matcher(shares, 1.0, 0.0)(maps, torch.ones(1, 1, 10, 10), [[offer(one)], [offer(other)]])
    of_one = {tuple(vector.tolist()) for vector in one[0].flatten(1).T}
    assert sum(tuple(vector.tolist()) in of_one for vector in match.values[0].flatten(1).T) == 70


def test_weights_that_are_no_shares_are_refused(network):
    with pytest.raises(StageError, match=r"nnst: the weights of the styles are 1, -1.*\n.*what would work"):
        paint(NNST(encoder=network), weave(GREY), Style(weave(RED)), Style(weave(BLUE), -1))


def test_moved_colours_are_the_styles_and_even_where_the_contents_are():
    content = torch.full((1, 3, 32, 32), 0.4)
    content[:, 0, :, 16:] = 0.8
    painted = 0.5 + 0.1 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(12))
    style, ones = weave((0.4, 0.45, 0.6), 13, 32), torch.ones(1, 1, 32, 32)
    result = recolor(painted, content, [Style(style, guides=ones)], ones)
    hue, own, goal = (to_space(image, "lab")[:, 1:] for image in (result, painted, style))
    assert torch.allclose(hue.mean((2, 3)), goal.mean((2, 3)), atol=0.02)
    assert hue[..., :12].std((2, 3)).max() < 0.3 * own.std((2, 3)).min()


# ----------------------------------------------------------------------------------- interruptions and memory


class Stop:
    """Interrupt before a step is told of, as Ctrl-C would; count the steps."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    @impasto.hookimpl
    def impasto_step(self, step):
        self.count += 1
        if step == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [2, 5])
def test_an_interrupted_run_goes_on_to_the_same_picture(stop, network, tmp_path):
    options = {"encoder": network, "steps": 3, "coarsest": 24}
    content, style = weave(GREY, 14, 48), weave(RED, 15, 48)
    whole = paint(NNST(**options), content, style)
    stage = impasto.Pipeline(NNST(**options, checkpoint=str(tmp_path / "run.pt")))
    shown = stage(content, style, device="cpu", precision="float32", seed=0, plugins=[Stop(stop)])
    assert isinstance(shown.interrupted, Interrupted)
    rest = Stop(-1)
    assert torch.equal(paint(stage.stages[0], content, style, plugins=[rest]), whole)
    assert rest.count == 6 - stop


def test_a_picture_that_does_not_fit_is_refused_before_the_work(network, monkeypatch):
    monkeypatch.setattr("impasto.stage.memory.free_memory", lambda device: 1e6)
    with pytest.raises(StageError, match=r"nnst: 80×80 pixels.*(?s:.*)what would work: encoder='slim19'.*rotations=0"):
        paint(NNST(encoder=network, rotations=1), weave(GREY), weave(RED))


def test_losses_are_told_by_name(network):
    seen = []

    class Losses:
        @impasto.hookimpl
        def impasto_step(self, steps, losses):
            seen.append((steps, sorted(losses)))

    paint(NNST(encoder=network, steps=1, coarsest=16), weave(GREY), weave(RED), plugins=[Losses()])
    assert seen == [*[(3, ["neighbours", "smoothness"])] * 2, (3, ["neighbours", "smoothness", "strokes"])]
