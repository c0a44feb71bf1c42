"""The stage: inside the mask and nowhere else, the networks it takes, and what is refused."""

import hashlib

import numpy
import pytest
import torch

import impasto
from impasto import StageError, Style, WeightsError
from impasto.testing import parametrize_checks
from impasto.weights import find
from impasto_local import NETWORK, Local, LocalNetwork, load_network, random_mask
from impasto_local.network import MOMENT_LAYERS, MOMENTS, noise_map, style_moments

STYLES = ("chalk", "fauvism", "impasto", "ink-wash", "wave")


@parametrize_checks(Local())
def test_local(stage, check):
    check(stage)


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 160)


def half(picture, soft=False):
    """A mask of the left half."""
    mask = (torch.arange(picture.shape[-1]) < picture.shape[-1] // 2).float()
    if soft:
        mask = torch.linspace(2, -1, picture.shape[-1]).clamp(0, 1)
    return mask.expand(1, 1, *picture.shape[-2:]).clone()


def paint(stage, content, style="impasto", **more):
    if isinstance(style, str):
        style = impasto.samples.style(style, 256)
    return impasto.Pipeline(stage)(content, style, device="cpu", precision="float32", **more).tensor


# ----------------------------------------------------------------------------------------------- inside the mask


@pytest.mark.parametrize("soft", [False, True])
def test_outside_the_mask_is_the_picture_to_the_bit(cat, soft):
    mask = half(cat, soft)
    painted = paint(Local(), cat, mask=mask)
    outside = (mask == 0).expand_as(cat)
    assert torch.equal(painted[outside], cat[outside])
    assert (painted - cat).abs()[(mask == 1).expand_as(cat)].mean() > 0.05


def test_no_part_that_is_selected_stays_a_photograph():
    cat = impasto.samples.content("cat", 384)
    for name in STYLES:
        change = (paint(Local(), cat, name) - cat).abs().mean(1, keepdim=True)
        assert torch.nn.functional.avg_pool2d(change, 24, 12).min() > 0.02, name


def test_paint_fades_towards_a_hard_border(cat):
    mask = half(cat)
    changes = [(paint(Local(), cat, name, mask=mask) - cat).abs().mean((0, 1, 2)) for name in STYLES]
    assert sum((change[78:80].mean() / change[40:64].mean()).item() for change in changes) / len(STYLES) < 0.85


def test_every_style_is_the_one_that_was_asked_for(cat):
    network = impasto.encoder("slim19-half", calibrated=True)
    layers = ("relu1_1", "relu2_1", "relu3_1")

    def seen(picture):
        return [impasto.functional.gram(x) for x in network.features(picture, layers).values()]

    def away(picture, style):
        pairs = zip(seen(picture), seen(style), strict=True)
        return sum(((a - b).norm() / b.norm()).item() for a, b in pairs)

    painted = {name: paint(Local(), cat, name, mask=half(cat))[..., :80] for name in STYLES}
    for name in STYLES:
        style = impasto.samples.style(name, 256)
        found = {other: away(picture, style) for other, picture in painted.items()}
        assert min(found, key=found.get) == name, (name, found)
        assert found[name] < 0.85 * away(cat[..., :80], style), name


def test_without_a_mask_it_paints_everywhere(cat):
    painted = paint(Local(), cat)
    torch.testing.assert_close(painted, paint(Local(), cat, mask=torch.ones_like(cat[:, :1])))
    assert (painted - cat).abs()[..., -40:].mean() > 0.05


def test_a_mask_that_selects_nothing_is_refused(cat):
    with pytest.raises(StageError, match="the mask selects nothing"):
        paint(Local(), cat, mask=torch.zeros_like(cat[:, :1]))


def test_a_mask_that_selects_hardly_anything_is_pointed_out(cat):
    mask = torch.zeros_like(cat[:, :1])
    mask[..., 50:52, 60:62] = 1
    with pytest.warns(UserWarning, match="selects 4 pixels"):
        painted = paint(Local(), cat, mask=mask)
    assert torch.equal(painted[..., :50, :], cat[..., :50, :])


def test_each_region_has_a_style_of_its_own(cat):
    left = half(cat)
    chalk, wave = (impasto.samples.style(name, 256) for name in ("chalk", "wave"))
    styles = [Style(chalk, region="left"), Style(wave, region="right")]
    painted = paint(Local(), cat, styles, guides={"left": left, "right": 1 - left})
    torch.testing.assert_close(painted[..., :80], paint(Local(), cat, chalk, mask=left)[..., :80], atol=1e-5, rtol=0)
    torch.testing.assert_close(painted[..., 80:], paint(Local(), cat, wave, mask=1 - left)[..., 80:], atol=1e-5, rtol=0)


def test_two_styles_are_mixed_by_their_weights(cat):
    chalk, wave = (impasto.samples.style(name, 256) for name in ("chalk", "wave"))
    ends = paint(Local(), cat, chalk), paint(Local(), cat, wave)
    torch.testing.assert_close(paint(Local(), cat, [Style(chalk), Style(wave, weight=0)]), ends[0])
    middle = paint(Local(), cat, [Style(chalk), Style(wave)])
    apart = (ends[0] - ends[1]).abs().mean()
    assert all((middle - end).abs().mean() < apart for end in ends)


def test_the_part_of_a_style_that_counts_is_the_only_one_seen(cat):
    chalk, wave = (impasto.samples.style(name, 256) for name in ("chalk", "wave"))
    both = torch.cat([chalk, wave], dim=-1)
    left = (torch.arange(both.shape[-1]) < chalk.shape[-1]).float().expand(1, 1, *both.shape[-2:])
    painted = paint(Local(), cat, Style(both, guides=left))
    towards = [(painted - paint(Local(), cat, style)).abs().mean() for style in (chalk, both, wave)]
    assert towards[0] < towards[1] < towards[2]


def test_what_the_network_is_told_of_a_style_is_its_moments():
    style = impasto.samples.style("mosaic", 64)
    features = impasto.encoder("slim19").features(style, list(MOMENT_LAYERS))
    told = style_moments(style, features)
    assert told.shape == (1, MOMENTS)
    first = features["relu1_1"].flatten(2)
    torch.testing.assert_close(told[:, :16], first.mean(2))
    torch.testing.assert_close(told[:, 16:32], first.std(2, correction=0), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(told[:, -12:-9], style.mean((2, 3)))
    by_numpy = torch.from_numpy(numpy.cov(style[0].flatten(1).numpy(), bias=True)).float()
    torch.testing.assert_close(told[0, -9:].view(3, 3), by_numpy, atol=1e-5, rtol=1e-3)


# ---------------------------------------------------------------------------------------------------- networks


def test_the_record_is_that_of_the_file():
    data = find(NETWORK).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (NETWORK.sha256, NETWORK.size)
    assert len(data) < 1_000_000
    assert load_network(find(NETWORK)).embed.spread.min() > 0


def test_an_untrained_network_changes_nothing():
    image, mask = torch.rand(2, 3, 16, 20), torch.rand(2, 1, 16, 20)
    network = LocalNetwork()
    assert torch.equal(network(image, mask, network.embed(torch.rand(1, MOMENTS))), image)


def test_noise_is_the_same_for_every_picture_and_draws_nothing_from_the_run():
    images = torch.rand(2, 3, 8, 12)
    state = torch.get_rng_state()
    first, second = noise_map(images)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, second)
    assert first.shape == (1, 4, 6)
    other, another = noise_map(images, torch.Generator().manual_seed(1))
    assert not torch.equal(other, another)


@pytest.fixture
def tensors():
    """Of a small network, not as it begins."""
    network = LocalNetwork(widths=(4, 6, 8), blocks=2, embedding=5)
    rng = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng))
    return network.state_dict(), network


def test_a_network_comes_back_from_its_file(tensors, tmp_path):
    file = tmp_path / "local.pth"
    torch.save(tensors[0], file)
    again = load_network(file)
    image, mask, moments = torch.rand(1, 3, 16, 20), torch.rand(1, 1, 16, 20), torch.rand(2, MOMENTS)
    found, wanted = (
        network(image.expand(2, -1, -1, -1), mask, network.embed(moments)) for network in (again, tensors[1])
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_a_network_of_ones_own_paints(tensors, tmp_path, cat):
    file = str(tmp_path / "local.pth")
    torch.save(tensors[0], file)
    assert not torch.equal(paint(Local(network=file), cat), paint(Local(), cat))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda x: x.pop("leave.bias"), "lacks leave.bias"),
        (lambda x: x.update({"more.weight": torch.zeros(1)}), "has more.weight, which is no part"),
        (lambda x: x.update({"leave.bias": torch.zeros(3)}), r"leave.bias is \(3,\), expected \(4,\)"),
        (lambda x: x.update({"leave.bias": torch.full((4,), torch.nan)}), "not finite"),
        (lambda x: x.pop("embed.linear.bias"), "laid out as something else"),
        (lambda x: x.update({"styles.wave": torch.zeros(4)}), "knew a few styles by name"),
    ],
)
def test_a_wrong_file_is_refused(tensors, tmp_path, cat, spoil, what):
    state = dict(tensors[0])
    spoil(state)
    torch.save(state, tmp_path / "local.pth")
    with pytest.raises((WeightsError, StageError), match=what):
        paint(Local(network=str(tmp_path / "local.pth")), cat)


# ------------------------------------------------------------------------------------------------------- masks


def test_random_masks_are_of_every_kind_and_size():
    rng = torch.Generator().manual_seed(0)
    masks = torch.cat([random_mask(64, rng) for _ in range(200)])
    assert masks.min() >= 0
    assert masks.max() <= 1
    shares = masks.mean((1, 2, 3))
    assert shares.min() < 0.25
    assert shares.max() == 1
    grey = ((masks > 0) & (masks < 1)).float().mean((1, 2, 3))
    assert (grey < 0.1).any()
    assert (grey > 0.3).any()
    assert (masks.amax((1, 2, 3)) > 0.4).all()
