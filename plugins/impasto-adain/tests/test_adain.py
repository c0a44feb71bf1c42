"""AdaIN: the moments, the regions, the networks people have, and what is refused."""

import hashlib

import pytest
import torch
from torch import nn

import impasto
from impasto import ParameterError, StageError, WeightsError
from impasto.functional import statistics
from impasto.functional.statistics import Moments
from impasto.networks import SEQUENTIAL_LAYOUTS, SLIM19, VGG, VGG19, TargetSummary, VGGDecoder, tiles
from impasto.testing import parametrize_checks
from impasto.weights import find
from impasto_adain import DECODER, AdaIN, Values, adain, monge_map, rank_map

LAYER = "relu4_1"


@parametrize_checks(AdaIN(), AdaIN(alpha=0.5, style_scale=0.5, statistic="mean-std"), AdaIN(statistic="exact"))
def test_adain(stage, check):
    check(stage)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(3)


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 128)[..., :80, :]


def paint(stage, *given, **more):
    return impasto.Pipeline(stage)(*given, device="cpu", precision="float32", **more).tensor


# ------------------------------------------------------------------------------------------------- the moments


def test_adain_gives_the_styles_mean_and_deviation(rng):
    content, style = torch.rand(2, 8, 9, 11, generator=rng), 3 * torch.rand(2, 8, 14, 6, generator=rng) - 1
    found = adain(content, style)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std((2, 3), correction=0), style.std((2, 3), correction=0), atol=1e-4, rtol=1e-3)


def test_equation_8_by_hand():
    content = torch.tensor([[[[0.0, 2.0]]]])
    style = torch.tensor([[[[10.0, 20.0, 30.0]]]])
    expected = torch.tensor([[[[20 - 8.16497, 20 + 8.16497]]]])
    torch.testing.assert_close(adain(content, style), expected, atol=1e-3, rtol=0)


def test_a_flat_channel_takes_the_mean_and_stays_flat(rng):
    found = adain(torch.full((1, 2, 5, 5), 7.0), torch.rand(1, 2, 6, 6, generator=rng))
    assert torch.isfinite(found).all()
    assert float(found.std((2, 3), correction=0).max()) < 1e-6


def test_the_monge_map_gives_the_styles_covariance(rng):
    content, style = torch.randn(2, 8, 9, 11, generator=rng), torch.randn(2, 8, 14, 9, generator=rng)
    source, target = (Moments.of(x, statistics.covariance) for x in (content, style))
    mean, spread = statistics.covariance(monge_map(source, [TargetSummary(target, 1.0)])(content))
    torch.testing.assert_close(mean, target.mean, atol=1e-3, rtol=1e-3)
    assert (spread - target.spread).norm() < 0.03 * target.spread.norm()


def test_the_monge_map_hardly_enlarges_what_hardly_varies(rng):
    content, style = torch.randn(1, 8, 9, 11, generator=rng), torch.randn(1, 8, 14, 9, generator=rng)
    content[:, 0] *= 1e-3
    source, target = (Moments.of(x, statistics.covariance) for x in (content, style))
    found = monge_map(source, [TargetSummary(target, 1.0)])(content)
    assert found[:, 0].std() < 0.4  # the style's is about 1, a thousand times the content's
    assert found[:, 1:].std() > 0.8
    same = monge_map(source, [TargetSummary(source, 1.0)])(content)
    torch.testing.assert_close(same, content, atol=1e-4, rtol=0)


def matched(content, *styles, weights=None):
    targets = [TargetSummary(Values.of(style, None), 1 / len(styles)) for style in styles]
    return rank_map(Values.of(content, weights), targets)(content)


def test_exact_matching_sorts_as_its_authors_do(rng):
    content = torch.rand(2, 20, 99, generator=rng).argsort().view(2, 20, 9, 11).sqrt()  # all different
    style = 1 + 2 * torch.randn(1, 20, 11, 9, generator=rng)
    values = style.flatten(2).sort().values.expand(2, -1, -1)
    expected = torch.empty_like(values).scatter(-1, content.flatten(2).argsort(), values)
    torch.testing.assert_close(matched(content, style), expected.view_as(content), atol=1e-6, rtol=0)


def test_exact_matching_of_other_sizes_keeps_the_mean_and_equal_values_equal(rng):
    content, style = (torch.randn(2, 5, *size, generator=rng).relu() for size in ((9, 11), (20, 13)))
    found = matched(content, style)
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)))
    for channel, before in zip(found.flatten(0, 1), content.flatten(0, 1), strict=True):
        assert channel[before == 0].unique().numel() == 1


def test_exact_matching_counts_positions_by_their_weights_and_styles_by_theirs(rng):
    content, one, other = torch.randn(3, 1, 4, 8, 8, generator=rng)
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    torch.testing.assert_close(matched(content, one, weights=left)[..., :4], matched(content[..., :4], one))
    torch.testing.assert_close(matched(content, one, other), (matched(content, one) + matched(content, other)) / 2)


def test_area_decides_where_moments_are_taken(rng):
    content, style = torch.rand(1, 4, 8, 8, generator=rng), torch.rand(1, 4, 8, 8, generator=rng)
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    whole, part = adain(content, style, left, left), adain(content[..., :4], style[..., :4])
    torch.testing.assert_close(whole[..., :4], part, atol=1e-5, rtol=0)


# ------------------------------------------------------------------------------------------- the shipped decoder


def test_a_picture_that_is_its_own_style_comes_back():
    picture = impasto.samples.content("astronaut", 256)
    error = (paint(AdaIN(), picture, picture) - picture).square().mean()
    assert -10 * error.log10() > 20


@pytest.mark.parametrize(
    "colour",
    [(0.6, 0.1, 1), (1, 0.1, 0.1), (0.1, 0.9, 0.1), (0, 0.7, 1), (1, 0.9, 0.1)],
    ids=["violet", "red", "lime", "cyan", "yellow"],
)
def test_strong_colours_of_a_picture_that_is_its_own_style_come_back(colour, cat):
    picture = cat.mean(1, keepdim=True) * torch.tensor(colour).view(1, 3, 1, 1)
    painted = paint(AdaIN(), picture, picture)
    assert -10 * float((painted - picture).square().mean().log10()) > 21.5


def test_the_painting_comes_closer_to_the_style_and_stays_the_content():
    content, style = impasto.samples.content("astronaut", 256), impasto.samples.style("impasto", 256)
    network = impasto.encoder("slim19-half", calibrated=True)

    def moments(picture):
        layers = ("relu1_1", "relu2_1", "relu3_1", LAYER)
        return [torch.cat(statistics.mean_std(x)) for x in network.features(picture, layers).values()]

    def away(picture):
        pairs = zip(moments(picture), moments(style), strict=True)
        return sum(((a - b).square().sum() / b.square().sum()).item() for a, b in pairs)

    painted = paint(AdaIN(), content, style)
    assert away(painted) < 0.3 * away(content)
    seen, kept = (network.features(x, [LAYER])[LAYER] for x in (painted, content))
    assert (seen - kept).square().sum() < kept.square().sum()


def textured(photo):
    """A photograph without flat areas, which would get noise."""
    noise = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0))
    return (0.7 * photo + 0.3 * noise).clamp(0, 1)


def test_alpha_0_is_the_decoder_alone(cat):
    cat = textured(cat)
    decoded, other = (paint(AdaIN(alpha=0), cat, impasto.samples.style(name, 96)) for name in ("mosaic", "wave"))
    assert torch.equal(decoded, other)
    # Nearly the same as the content in its own moments; those of the content are taken beyond its border as well.
    assert (decoded - paint(AdaIN(), cat, cat)).abs().mean() < 0.03


def test_weights_are_proportions_and_may_be_any(cat):
    one, two = impasto.samples.style("mosaic", 96), impasto.samples.style("wave", 96)

    def mixed(a, b):
        return paint(AdaIN(), cat, [impasto.Style(one, weight=a), impasto.Style(two, weight=b)])

    torch.testing.assert_close(mixed(1, 3), mixed(0.25, 0.75), atol=1e-5, rtol=0)
    torch.testing.assert_close(mixed(1, 0), paint(AdaIN(), cat, one), atol=1e-5, rtol=0)
    assert (mixed(1.5, -0.5) - mixed(1, 0)).abs().mean() > 0.005
    with pytest.raises(StageError, match="sum to 0"):
        mixed(1, -1)


def test_regions_take_their_own_styles():
    cat = textured(impasto.samples.content("cat", 256)[..., :80, :])
    one, two = impasto.samples.style("mosaic", 96), impasto.samples.style("wave", 96)
    guides = torch.zeros(1, 2, *cat.shape[-2:])
    guides[:, 0, :, :128], guides[:, 1, :, 128:] = 1, 1
    styles = [impasto.Style(one, region="left"), impasto.Style(two, region="right")]
    found = paint(AdaIN(), cat, styles, guides={"left": guides[0, :1], "right": guides[0, 1:]})
    # The styles are smaller than either part, and stay as they are; near the border the networks see both sides.
    alone = paint(AdaIN(), cat[..., :128], one), paint(AdaIN(), cat[..., 128:], two)
    for part, there, other in ((slice(0, 24), alone[0], two), (slice(-24, None), alone[1], one)):
        away = (found[..., part] - there[..., part]).abs().mean()
        assert away < 0.05 < (found - paint(AdaIN(), cat, other)).abs()[..., part].mean()


def test_a_large_style_is_seen_in_the_pictures_size(cat):
    large = impasto.samples.style("mosaic", 512)
    small = torch.nn.functional.interpolate(large, (101, 101), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(paint(AdaIN(), cat, large), paint(AdaIN(), cat, small), atol=1e-4, rtol=0)


# --------------------------------------------------------------------------------------------- large pictures


@pytest.fixture
def large():
    """A photograph of odd sides, twice, the second darker."""
    photo = torch.nn.functional.interpolate(impasto.samples.content("astronaut", 256), (229, 291), mode="bicubic")
    return torch.cat([photo, photo * 0.6]).clamp(0, 1)


def around(middle, size):
    """A soft round mask."""
    rows, columns = (torch.arange(length) - at for length, at in zip(size, middle, strict=True))
    return torch.sigmoid((70 - (rows[:, None] ** 2 + columns**2).sqrt()) / 5).clamp(0.01, 0.99)[None, None]


@pytest.mark.parametrize("stage", [AdaIN(), AdaIN(alpha=0.7, statistic="mean-std")])
@pytest.mark.parametrize("where", ["everywhere", "mask", "guides"])
def test_a_picture_in_tiles_is_the_picture_whole(stage, where, large, monkeypatch):
    styles = [impasto.Style(impasto.samples.style("mosaic", 256)), impasto.Style(impasto.samples.style("wave", 96))]
    size = large.shape[-2:]
    more = {
        "everywhere": {},
        "mask": {"mask": (around((90, 100), size) > 0.5).float()},
        "guides": {"guides": {"left": around((100, 80), size), "right": around((120, 200), size)}},
    }[where]
    if where == "guides":
        styles = [styles[0].replace(region="left"), styles[1]]
    whole = paint(stage, large, styles, **more)
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)
    cut = paint(stage, large, styles, **more)
    difference = (cut - whole).abs()
    assert difference.mean() < 3e-4
    # Covariances are inverted, which enlarges what their sums are rounded by.
    assert difference.max() < (1e-4 if stage.statistic == "mean-std" else 2e-2)


def test_frames_in_tiles_study_the_style_once(large, monkeypatch):
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)
    style = impasto.samples.style("mosaic", 96)
    looked = []
    encoder = impasto.encoder("slim19")
    features = encoder.features

    def watched(image, layers):
        looked.append(tuple(image.shape[-2:]))
        return features(image, layers)

    monkeypatch.setattr(encoder, "features", watched)
    frames = [frame[None] for frame in large]
    found = list(impasto.Pipeline(AdaIN()).stream(frames, style, device="cpu", precision="float32"))
    assert looked.count((96, 96)) == 1
    torch.testing.assert_close(found[1].tensor, paint(AdaIN(), frames[1], style), atol=0, rtol=0)


# ------------------------------------------------------------------------------------- networks people have


def test_the_record_is_that_of_the_file():
    data = find(DECODER).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (DECODER.sha256, DECODER.size)
    assert len(data) < 600_000


@pytest.fixture
def public(tmp_path):
    """Networks laid out as vgg_normalised.pth and decoder.pth, at their full width."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = VGG(deepest="4_1"), VGGDecoder()
        conv0 = {"0.weight": 255 * torch.eye(3).flip(0)[..., None, None], "0.bias": -torch.rand(3)}
    flat = dict(conv0)
    for name, n in zip(encoder.convolutions, (2, 5, 9, 12, 16, 19, 22, 25, 29), strict=True):
        convolution = getattr(encoder, f"conv{name}")
        flat |= {f"{n}.weight": convolution.weight, f"{n}.bias": convolution.bias}
    painted = {}
    for name, n in zip(decoder.convolutions, (1, 5, 8, 11, 14, 18, 21, 25, 28), strict=True):
        convolution = getattr(decoder, f"conv{name}")
        painted |= {f"{n}.weight": convolution.weight, f"{n}.bias": convolution.bias}
    files = tmp_path / "vgg_normalised.pth", tmp_path / "decoder.pth"
    torch.save(flat, files[0])
    torch.save(painted, files[1])
    return files


def test_public_networks_load_by_path(public, cat):
    assert sum(x.numel() for x in torch.load(public[1], weights_only=True).values()) == 3_505_219
    found = paint(AdaIN(encoder=str(public[0]), decoder=str(public[1])), cat[..., :64, :64], cat[..., :64, :64])
    assert found.shape == (1, 3, 64, 64)


def test_a_decoder_of_other_channels_is_refused(public, cat):
    with pytest.raises(StageError, match="takes 512 channels of relu4_1 and the encoder slim19 gives 128"):
        paint(AdaIN(decoder=str(public[1])), cat, cat)


def test_a_decoder_that_takes_other_channels_beside_is_refused(tmp_path, cat):
    file = tmp_path / "decoder.pth"
    torch.save(VGGDecoder((16, 32, 64, 128), LAYER, {"relu3_1": 48}).state_dict(), file)
    with pytest.raises(StageError, match="takes 48 channels of relu3_1 and the encoder slim19 gives 64"):
        paint(AdaIN(decoder=str(file)), cat, cat)


def test_an_encoder_in_the_decoders_place_is_refused(public, cat):
    with pytest.raises(StageError, match="looks like an encoder"):
        paint(AdaIN(decoder=str(public[0])), cat, cat)


def test_a_decoder_for_another_layer_is_refused(tmp_path, cat):
    file = tmp_path / "decoder.pth"
    torch.save(VGGDecoder((16, 32, 64), "relu3_1").state_dict(), file)
    with pytest.raises(StageError, match="holds no decoder for relu4_1"):
        paint(AdaIN(decoder=str(file)), cat, cat)


def test_the_records_are_of_the_networks_that_are_used():
    assert AdaIN().weights() == (SLIM19, DECODER)
    assert AdaIN(encoder="vgg19", decoder="decoder.pth").weights() == (VGG19,)
    assert AdaIN(encoder="my.pth", decoder="decoder.pth").weights() == ()


def test_another_encoder_asks_for_its_decoder():
    with pytest.raises(ParameterError, match="needs a decoder that was trained for it"):
        AdaIN(encoder="vgg19")


def test_the_positions_are_those_of_the_public_file():
    assert SEQUENTIAL_LAYOUTS[LAYER] == (1, 5, 8, 11, 14, 18, 21, 25, 28)


def test_a_wrong_hash_says_so(tmp_path, monkeypatch, cat):
    (tmp_path / DECODER.name).write_bytes(find(DECODER).read_bytes()[:-1] + b"?")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path))
    with pytest.raises((StageError, WeightsError), match=r"is not the adain-slim19\.safetensors it should be"):
        paint(AdaIN(), cat, cat)


def test_an_encoder_and_a_decoder_that_are_no_vgg_paint_by_name(monkeypatch):
    """The decoder gives back what the encoder sees, mean colours of blocks: they become those of the style."""

    class Blocks(nn.Module):
        name, layers = "blocks", ("block",)
        channels, strides = {"block": 3}, {"block": 16}

        def features(self, image, layers):
            return {layer: nn.functional.avg_pool2d(image, 16) for layer in layers}

    class Enlarge(nn.Module):
        layers, channels = ("block",), {"block": 3}

        def forward(self, features):
            return nn.functional.interpolate(features["block"], scale_factor=16.0)

    class Plugin:
        @impasto.hookimpl
        def impasto_encoders(self):
            return {"blocks": Blocks}

        @impasto.hookimpl
        def impasto_decoders(self):
            return {"enlarge": Enlarge}

    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(Plugin()))
    content, style = impasto.samples.content("astronaut", 72), impasto.samples.style("mosaic", 64)
    painted = impasto.Pipeline(AdaIN(encoder="blocks", decoder="enlarge"))(content, style).tensor
    assert painted.shape == content.shape
    torch.testing.assert_close(painted.mean((2, 3)), style.mean((2, 3)), atol=0.05, rtol=0)
    with pytest.raises(LookupError, match=r"(?s)decoder called 'enlrge'.*did you mean 'enlarge'"):
        impasto.decoder("enlrge")
