"""MRF: its energy against patches taken one by one, and what a user may expect of the pictures."""

from __future__ import annotations

import numpy
import pytest
import scipy.optimize
import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style
from impasto.functional.patches import nearest, style_assignment
from impasto.networks import VGG
from impasto.picture import Interrupted
from impasto.stage import RunContext
from impasto.testing import parametrize_checks
from impasto_mrf import MRF
from impasto_mrf.energy import Energy, patch_target
from impasto_mrf.layers import pixel_blocks
from impasto_mrf.mrf import level_sizes
from impasto_mrf.sources import random_blocks, rotation


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow VGG with random weights that keep the signal's size: enough to test what does not need eyes."""
    torch.manual_seed(7)
    vgg = VGG((8, 12, 16, 16), "4_2")
    state = vgg.state_dict()
    for name, value in state.items():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(value)
    for block, width in enumerate(vgg.widths, 1):
        state[f"metric{block}_1"] = torch.eye(width)
    state["metric4_2"] = torch.eye(16)
    path = tmp_path_factory.mktemp("network") / "narrow.pth"
    torch.save(state, path)
    return str(path)


def paint(stage: MRF, content: Tensor, *styles: Style | Tensor, seed: int = 0, **more) -> Tensor:
    return impasto.Pipeline(stage)(content, list(styles), device="cpu", precision="float32", seed=seed, **more).tensor


def weave(color: tuple[float, ...], seed: int = 0, height: int = 64, width: int = 64) -> Tensor:
    """Crossing stripes in shades of a colour."""
    y, x = torch.meshgrid(torch.arange(height) / 64, torch.arange(width) / 64, indexing="ij")
    rng = torch.Generator().manual_seed(seed)
    a, b, c, d = (10 + 60 * torch.rand(4, generator=rng)).tolist()
    stripes = torch.sin(a * y + b * x) + torch.sin(c * y - d * x)
    return (torch.tensor(color).view(1, 3, 1, 1) + 0.08 * stripes).clamp(0, 1)


RED, BLUE, GREEN, YELLOW = (0.8, 0.2, 0.2), (0.2, 0.2, 0.8), (0.2, 0.7, 0.2), (0.8, 0.8, 0.2)


@parametrize_checks(
    MRF(steps=2, rematch=1),
    MRF(steps=2, levels=1, optimiser="adam", init="patches", rotations=1, scales=1),
    MRF(steps=2, levels=2, patch=5, content_weight=0.0, init="noise", surface=0.0, layers=("relu4_1",)),
)
def test_mrf(stage, check, network):
    check(type(stage)(**{**stage.values(), "encoder": network}))


# ------------------------------------------------------------------------------------------------ the energy


@pytest.mark.parametrize("patch", [1, 3, 5])
def test_the_energy_is_that_of_the_patches_one_by_one(patch):
    rng = torch.Generator().manual_seed(patch)
    maps, style = torch.randn(1, 4, 6, 7, generator=rng), torch.randn(1, 4, 8, 5, generator=rng)
    nnf = nearest(maps, [style], patch=patch)
    picture, source = torch.randn(1, 4, 6, 7, generator=rng).numpy()[0], style.numpy()[0]
    matches, reach = nnf.positions[0, 0].numpy(), patch // 2

    total = power = 0.0
    for row in range(6):
        for column in range(7):
            errors, lengths = [], []
            for down in range(-reach, reach + 1):
                for right in range(-reach, reach + 1):
                    middle = row - down, column - right
                    if 0 <= middle[0] < 6 and 0 <= middle[1] < 7:
                        place = matches[:, middle[0], middle[1]] + [down, right]
                        value = source[:, numpy.clip(place[0], 0, 7), numpy.clip(place[1], 0, 4)]
                        errors.append(((picture[:, row, column] - value) ** 2).sum())
                        lengths.append((value**2).sum())
            total += numpy.mean(errors)
            power += numpy.mean(lengths)

    found = patch_target(nnf, [style], patch).energy(torch.from_numpy(picture)[None])
    assert found.item() == pytest.approx(total / power, rel=1e-5)


def test_each_style_paints_its_share_at_the_least_distance():
    rng = torch.Generator().manual_seed(3)
    distances = torch.rand(3, 60, generator=rng) + torch.tensor([[0.0], [0.3], [0.9]])
    shares = torch.tensor([0.5, 0.3, 0.2])
    choice = style_assignment(distances, shares)
    assert choice.bincount().tolist() == [30, 18, 12]
    seats = distances.repeat_interleave((shares * 60).round().long(), 0)
    cost = seats[scipy.optimize.linear_sum_assignment(seats)].sum()
    assert distances.gather(0, choice[None]).sum().item() == pytest.approx(cost.item(), rel=1e-5)


def test_the_squares_under_positions_are_whole():
    maps = torch.arange(2 * 9 * 11.0).view(1, 2, 9, 11)
    under = pixel_blocks(maps, 4)
    assert under.shape == (1, 2 * 16, 2, 2)
    assert under[0, 0, 1, 1] == maps[0, 0, 4, 4]
    assert torch.equal(F.pixel_shuffle(under, 4), maps[..., :8, :8])


def test_levels_halve_and_end_with_the_picture():
    assert level_sizes((288, 384), 3, 16) == [(72, 96), (144, 192), (288, 384)]
    assert level_sizes((40, 3000), 3, 16) == [(20, 1500), (40, 3000)]
    assert level_sizes((9, 9), 3, 16) == [(9, 9)]


def test_a_turned_copy_matches_a_turned_picture_and_offers_nothing_made_up():
    image = weave(RED, seed=4, height=96, width=96)
    parts = torch.cat([image, torch.ones_like(image[:, :1])], 1)
    there, _, inside = rotation(parts, 7.5)
    back, _, still = rotation(torch.cat([there, inside], 1), -7.5)
    known = still.bool() & (rotation(torch.cat([inside.expand(-1, 3, -1, -1), inside], 1), -7.5)[0][:, :1] > 0.999)
    assert 0.7 < known.float().mean() < 1
    assert ((back - image).abs() * known).max() < 0.05
    assert inside.mean() < 1
    assert torch.equal(rotation(parts, 0)[0], image)


def energies(stage: MRF, content: Tensor, style: Tensor, calls: int = 1) -> Energy:
    """The energy of a picture at one level, called a few times."""
    encoder = impasto.encoder(stage.encoder, calibrated=True)
    whole = torch.ones_like(content[:, :1])
    styles = [Style(style, guides=torch.ones_like(style[:, :1]))]
    size = (content.shape[-2], content.shape[-1])
    energy = stage.energy(encoder, content, styles, torch.ones(1, 1), whole, size)
    for _ in range(calls):
        energy.last = energy(content)
    return energy


def test_turned_copies_find_nearer_patches():
    style = weave(RED, seed=5, height=96, width=96)
    content = rotation(torch.cat([style, style[:, :1]], 1), 7.5)[0][..., 16:-16, 16:-16]
    plain, richer = (
        energies(MRF(encoder="slim19", layers=("relu3_1",), rotations=number, style_scale=1.5), content, style)
        for number in (0, 1)
    )
    assert richer.last["mrf"] < 0.5 * plain.last["mrf"]
    which = richer.fields["relu3_1"].latest[0].which.flatten().bincount(minlength=3)
    assert which.argmax() == 2  # turned to the other side, as it is, turned to this side


def test_scaled_copies_find_nearer_patches():
    style = weave(RED, seed=5, height=96, width=96)
    content = F.interpolate(style, scale_factor=1.05, mode="bicubic")[..., 16:-16, 16:-16]
    as_it_is = 96 / content.shape[-1]  # by which a style of the content's area is larger
    plain, richer = (
        energies(MRF(encoder="slim19", layers=("relu3_1",), scales=number, style_scale=as_it_is), content, style)
        for number in (0, 1)
    )
    assert richer.last["mrf"] < plain.last["mrf"]
    which = richer.fields["relu3_1"].latest[0].which.flatten().bincount(minlength=3)
    assert which.argmax() == 2  # smaller, as it is, larger


def test_a_picture_made_of_the_style_has_no_energy_but_smoothness(network):
    style = weave(BLUE, seed=6)
    found = energies(MRF(encoder=network, content_weight=0.5), style, style).last
    assert found["mrf"] < 1e-5
    assert found["surface"] < 1e-5
    assert found["content"] == 0
    assert found["smoothness"] > 0


def test_matches_are_sought_anew_on_schedule(network, monkeypatch):
    sought = []
    monkeypatch.setattr(
        Energy, "match", lambda self, features, match=Energy.match: sought.append(match(self, features))
    )
    energies(MRF(encoder=network, rematch=4), weave(RED), weave(BLUE), calls=9)
    assert len(sought) == 3


# ---------------------------------------------------------------------------------------------- the pictures


def test_the_energy_falls_within_each_level_and_is_reported(network):
    seen: list[tuple[int, int, int, float]] = []

    def watch(stage, step, steps, image, losses):
        assert set(losses) == {"mrf", "surface", "content", "smoothness"}
        seen.append((step, steps, image.shape[-1], sum(loss.item() for loss in losses.values())))

    with RunContext(watcher=watch):
        MRF(encoder=network, steps=20, rematch=20).stylize(weave(RED, 1), [Style(weave(BLUE, 2))], None)
    assert [step for step, *_ in seen] == list(range(1, 61))
    assert {steps for _, steps, *_ in seen} == {60}
    assert [width for *_, width, _ in seen[::20]] == [16, 32, 64]
    for first, last in ((0, 19), (20, 39), (40, 59)):
        assert seen[last][-1] < 0.9 * seen[first][-1]


@pytest.mark.parametrize("init", ["patches", "noise"])
def test_a_texture_has_the_colours_of_the_style_and_nothing_of_the_content(init):
    style = weave(GREEN, seed=8)
    stage = MRF(encoder="slim19", content_weight=0.0, init=init, steps=20)
    painted, other = (paint(stage, weave(color, 9, 48, 64), style) for color in (RED, BLUE))
    assert painted.shape == (1, 3, 48, 64)
    assert torch.equal(painted, other)
    torch.testing.assert_close(painted.mean((2, 3)), style.mean((2, 3)), atol=0.1, rtol=0)
    torch.testing.assert_close(painted.std((2, 3)), style.std((2, 3)), atol=0.05, rtol=0.3)


def quarters(order: tuple[int, ...], size: int = 96) -> Tensor:
    """Guides of four quarters of a picture, given labels in reading order."""
    label = torch.tensor(order).view(2, 2).repeat_interleave(size // 2, 0).repeat_interleave(size // 2, 1)
    return F.one_hot(label, 4).permute(2, 0, 1)[None].float()


def test_a_doodle_becomes_a_painting_with_each_region_from_its_like(monkeypatch):
    colors = torch.tensor([RED, BLUE, GREEN, YELLOW])
    style_guides = quarters((0, 1, 2, 3))
    y, x = torch.meshgrid(torch.linspace(-1, 1, 90), torch.linspace(-1, 1, 110), indexing="ij")
    label = torch.where((y - 0.2) ** 2 + x**2 < 0.2, 3, torch.where(y > 0.3 * x, 2, (x > 0.2 - y).long()))
    guides = F.one_hot(label, 4).permute(2, 0, 1)[None].float()
    style = sum(style_guides[:, i : i + 1] * weave(color, i, 96, 96) for i, color in enumerate(colors.tolist()))
    doodle = torch.einsum("kc,bkhw->bchw", colors.flip(1), guides)

    alike = []

    def match(self, features, match=Energy.match):
        match(self, features)
        for field in self.fields.values():
            there = field.latest[0].warp([source.guides for source in field.sources])
            same = there.argmax(1) == field.guides.argmax(1)
            whole = field.guides.amax(1) > 0.99  # a position on a border has two labels, or more
            alike.append(same[whole].float().mean().item())

    monkeypatch.setattr(Energy, "match", match)
    stage = MRF(encoder="slim19", content_weight=0.0, steps=20)
    painted = paint(stage, doodle, Style(style, guides=style_guides), guides=guides)
    assert len(alike) == 2 * 3 * 2
    assert min(alike) >= 0.99
    nearest_color = (painted[0, :, None] - colors.T[..., None, None]).square().sum(0).argmin(0)
    assert (nearest_color == label).float().mean() > 0.8


def test_without_guide_weight_regions_do_not_matter(network):
    guides = quarters((0, 1, 2, 3))[..., 16:-16, 16:-16]
    style = Style(weave(BLUE, 2), guides=guides)
    stage = MRF(encoder=network, steps=3, guide_weight=0.0)
    plain = paint(stage, weave(RED, 1), Style(weave(BLUE, 2)))
    torch.testing.assert_close(paint(stage, weave(RED, 1), style, guides=guides), plain)


def test_a_label_that_the_style_lacks_leaves_its_region_as_it_is(network):
    content, guides = weave(RED, 1), {"sky": top_half(), "sea": 1 - top_half()}
    style = Style(weave(BLUE, 2), guides=torch.ones(1, 1, 64, 64), labels=("sky",))
    with pytest.warns(UserWarning, match="no style covers the region 'sea'"):
        painted = paint(MRF(encoder=network, steps=2), content, style, guides=guides)
    assert torch.equal(painted[..., 32:, :], content[..., 32:, :])
    assert not torch.equal(painted[..., :32, :], content[..., :32, :])


def top_half() -> Tensor:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32, :] = 1
    return mask


def test_only_the_part_of_a_style_that_counts_is_used():
    style = top_half() * weave(RED, 1) + (1 - top_half()) * weave(BLUE, 2)
    painted = paint(
        MRF(encoder="slim19", steps=20, content_weight=0.0, init="patches"),
        weave(GREEN, 3),
        Style(style, guides=top_half()),
        mask=torch.ones(1, 1, 64, 64),
    )
    assert (painted[:, 0] > painted[:, 2]).float().mean() > 0.97


def test_styles_paint_as_much_as_their_weights_say():
    red, blue = weave(RED, 1), weave(BLUE, 2)
    stage = MRF(encoder="slim19", steps=20, content_weight=0.0, init="content")
    painted = paint(stage, weave(GREEN, 3), Style(red, weight=3.0), Style(blue, weight=1.0))
    assert (painted[:, 0] > painted[:, 2]).float().mean() == pytest.approx(0.75, abs=0.15)
    assert torch.equal(
        paint(stage, weave(GREEN, 3), Style(red), Style(blue, weight=0.0)), paint(stage, weave(GREEN, 3), red)
    )


def test_a_style_for_each_region():
    styles = [Style(weave(RED, 1), region="sky"), Style(weave(BLUE, 2), region="sea")]
    stage = MRF(encoder="slim19", steps=20, content_weight=0.1)
    painted = paint(stage, weave(GREEN, 3), *styles, guides={"sky": top_half(), "sea": 1 - top_half()})
    redder = (painted[:, 0] > painted[:, 2]).float()
    assert redder[:, :26].mean() > 0.95
    assert redder[:, 38:].mean() < 0.05


def test_random_blocks_come_from_the_like_region():
    guides = quarters((3, 0, 1, 2))
    parts = quarters((0, 1, 2, 3))
    style = parts[:, :3] * 0.5 + 0.25
    start = random_blocks([Style(style, guides=parts)], guides, 1.0, (96, 90))
    assert start.shape == (1, 3, 96, 90)
    torch.testing.assert_close(start[..., :88], (guides[:, :3] * 0.5 + 0.25)[..., :88])


@pytest.mark.parametrize(("height", "width"), [(40, 3000), (3000, 40), (17, 16)])
def test_any_shape_of_picture(height, width, network):
    painted = paint(MRF(encoder=network, steps=1), weave(RED, 1, height, width), weave(BLUE, 2, 40, 50))
    assert painted.shape == (1, 3, height, width)


# ------------------------------------------------------------------------------------------------ the errors


def test_a_style_smaller_than_a_patch_is_refused(network):
    with pytest.raises(StageError, match=r"the style is 64×10 pixels.*\n?.*at least 16"):
        paint(MRF(encoder=network), weave(RED), weave(BLUE, height=10))


@pytest.mark.parametrize("weights", [(1.0, -1.0), (0.0, 0.0)])
def test_weights_that_are_no_shares_are_refused(weights, network):
    styles = [Style(weave(BLUE, seed), weight=weight) for seed, weight in enumerate(weights)]
    with pytest.raises(StageError, match="shares of the picture"):
        paint(MRF(encoder=network), weave(RED), *styles)


def test_a_patch_without_a_middle_is_refused():
    with pytest.raises(ParameterError, match="patch = 4 does not fit\n  what would work: an odd number, 1 to 9"):
        MRF(patch=4)


def test_the_published_presets_paint_and_differ(network):
    stages = [MRF.preset(name, encoder=network, steps=2) for name in ("cnnmrf", "run-trans")]
    assert [stage.content_layers for stage in stages] == [("relu4_1",), ("relu4_2",)]
    first, second = (paint(stage, weave(RED), weave(BLUE)) for stage in stages)
    assert not torch.equal(first, second)


def test_an_unknown_layer_is_named(network):
    with pytest.raises(StageError, match=r"(?s)layers asks for 'relu9_1'.*it has: conv1_1, relu1_1"):
        paint(MRF(encoder=network, layers=("relu9_1",)), weave(RED), weave(BLUE))


def test_an_interruption_returns_the_picture_so_far(network):
    class Stop:
        @impasto.hookimpl
        def impasto_step(self, step):
            if step == 3:
                raise KeyboardInterrupt

    stage = MRF(encoder=network, steps=2)
    picture = impasto.Pipeline(stage)(weave(RED), weave(BLUE), device="cpu", plugins=[Stop()])
    assert picture.interrupted == Interrupted("mrf", 3, 6)
    assert picture.tensor.shape == (1, 3, 64, 64)
