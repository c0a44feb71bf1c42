"""WCT and style swap: the maps, ranks of every kind, levels and strengths, the networks people have."""

import hashlib

import pytest
import torch

import impasto
from impasto import ParameterError, StageError, WeightsError
from impasto.functional import statistics
from impasto.networks import VGG, VGGDecoder, tiles
from impasto.testing import parametrize_checks
from impasto.weights import find
from impasto_wct import DECODERS, WCT, StyleSwap, swap, wct
from impasto_wct.encoders import level_encoder

CPU = torch.device("cpu")


@parametrize_checks(WCT(), WCT(levels=(3, 1), transform="transport", identity="both"), StyleSwap(level=2))
def test_wct(stage, check):
    check(stage)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(5)


@pytest.fixture
def cat():
    return impasto.samples.content("cat", 128)[..., :80, :]


def paint(stage, *given, **more):
    return impasto.Pipeline(stage)(*given, device="cpu", precision="float32", **more).tensor


def features(rng, channels=16, rank=None, positions=(24, 20), batch=1):
    """Correlated features; of low rank if asked, and then with channels that are dead."""
    height, width = positions
    rank = channels if rank is None else rank
    values = torch.randn(batch, rank, height * width, generator=rng)
    mixed = torch.randn(batch, channels, rank, generator=rng) @ values
    if rank < channels:
        mixed[:, : channels // 3] = 0
    return mixed.unflatten(2, positions) + torch.rand(batch, channels, 1, 1, generator=rng)


# ------------------------------------------------------------------------------------------ whitening and colouring


@pytest.mark.parametrize("transform", ["zca", "transport", "cholesky"])
def test_wct_features_have_the_styles_mean_and_covariance(rng, transform):
    content, style = features(rng), features(rng, positions=(30, 10))
    found = wct(content, style, transform=transform)
    mean, covariance = statistics.covariance(found)
    goal, shape = statistics.covariance(style)
    torch.testing.assert_close(mean, goal, atol=1e-3, rtol=0)
    assert (covariance - shape).norm() < 1e-3 * shape.norm()


def test_whitened_features_have_the_identity_as_covariance(rng):
    content = features(rng)
    mean, covariance = statistics.covariance(content)
    whitened = torch.einsum("bij,bjhw->bihw", statistics.matrix_power(covariance, -0.5), content - mean)
    torch.testing.assert_close(statistics.covariance(whitened)[1], torch.eye(16)[None], atol=1e-3, rtol=0)


@pytest.mark.parametrize("rank", [0, 1, 5, 16])
def test_low_ranks_agree_with_float64(rng, rank):
    content, style = features(rng, rank=rank), features(rng, rank=rank)
    found = wct(content, style)
    mean, spread = (x.double() for x in statistics.covariance(content))
    goal, shape = (x.double() for x in statistics.covariance(style))

    def power(matrix, exponent):
        values, vectors = torch.linalg.eigh(matrix)
        kept = values > 1e-5 * values[..., -1:].clamp_min(1e-30)
        return (vectors * torch.where(kept, values.clamp_min(1e-30) ** exponent, 0.0)[..., None, :]) @ vectors.mT

    change = power(shape, 0.5) @ power(spread, -0.5)
    expected = (change @ (content.double() - mean).flatten(2)).view(content.shape) + goal
    assert (found - expected).norm() <= 1e-3 * expected.norm()


@pytest.mark.parametrize("transform", ["zca", "transport", "cholesky"])
@pytest.mark.parametrize("identity", ["none", "content", "both"])
def test_nothing_fails_on_flat_tiny_and_dead_features(rng, transform, identity):
    kinds = [
        torch.zeros(1, 16, 4, 4),
        torch.full((1, 16, 3, 3), 7.0),
        torch.rand(1, 16, 1, 1, generator=rng),
        features(rng, rank=1),
        1e6 * features(rng, rank=3),
        1e-12 * features(rng, rank=2),
    ]
    for content in kinds:
        for style in kinds:
            assert torch.isfinite(wct(content, style, transform=transform, identity=identity)).all()


def test_transport_moves_least(rng):
    content, style = features(rng), features(rng)
    moves = {
        name: (wct(content, style, transform=name) - content).square().mean()
        for name in ("transport", "zca", "cholesky")
    }
    assert moves["transport"] < moves["zca"]
    assert moves["transport"] < moves["cholesky"]


def test_the_identity_tames_weak_directions(rng):
    content, style = 0.1 * features(rng), features(rng)
    plain, tamed = (wct(content, style, identity=identity) for identity in ("none", "content"))
    assert tamed.std() < 0.5 * plain.std()


def test_area_decides_where_statistics_are_taken(rng):
    content, style = features(rng), features(rng)
    left = torch.zeros(1, 1, 24, 20)
    left[..., :12] = 1
    whole, part = wct(content, style, left, left), wct(content[..., :12], style[..., :12])
    torch.testing.assert_close(whole[..., :12], part, atol=1e-2, rtol=1e-3)


# ------------------------------------------------------------------------------------------------- style swap


@pytest.mark.parametrize("patch", [1, 3])
def test_swap_takes_the_most_correlated_patch(rng, patch):
    content, style = torch.randn(1, 4, 6, 5, generator=rng), torch.randn(1, 4, 7, 8, generator=rng)
    margin = patch // 2

    def patches(x):
        padded = torch.nn.functional.pad(x, (margin,) * 4, mode="replicate")
        return padded.unfold(2, patch, 1).unfold(3, patch, 1)[0].permute(1, 2, 0, 3, 4).flatten(0, 1)

    palette = patches(style)
    total = torch.zeros(4, 6 + 2 * margin, 5 + 2 * margin)
    count = torch.zeros_like(total)
    for index, asked in enumerate(patches(content)):
        best = max(palette, key=lambda one: float((one * asked).sum() / one.norm()))
        row, column = divmod(index, 5)
        total[:, row : row + patch, column : column + patch] += best
        count[:, row : row + patch, column : column + patch] += 1
    expected = (total / count)[:, margin : margin + 6, margin : margin + 5]
    torch.testing.assert_close(swap(content, style, patch=patch)[0], expected)


def test_swap_uses_patches_of_the_area_alone(rng):
    content, style = torch.rand(1, 4, 6, 6, generator=rng), torch.rand(1, 4, 6, 8, generator=rng)
    style[..., 4:] += 10
    area = torch.zeros(1, 1, 6, 8)
    area[..., :3] = 1
    assert swap(content, style, area).max() <= 1


# --------------------------------------------------------------------------------------------- the shipped decoders


@pytest.mark.parametrize(("level", "least"), [(1, 36), (2, 24), (3, 20), (4, 17), (5, 12)])
def test_decoders_undo_the_encoder(level, least):
    picture = impasto.samples.content("astronaut", 256)
    error = (paint(WCT(levels=(level,), alpha=0), picture, picture) - picture).square().mean()
    assert -10 * error.log10() > least


def test_the_painting_comes_closer_to_the_style_and_stays_the_content():
    content, style = impasto.samples.content("astronaut", 256), impasto.samples.style("impasto", 256)
    network = impasto.encoder("slim19-half", calibrated=True)
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

    def grams(picture):
        return [statistics.gram(x) for x in network.features(picture, layers).values()]

    def away(picture):
        pairs = zip(grams(picture), grams(style), strict=True)
        return sum(((a - b).square().sum() / b.square().sum()).item() for a, b in pairs)

    assert away(paint(WCT(), content, style)) < 0.2 * away(content)


def test_strengths_go_with_levels(cat):
    # Without flat areas, whose noise hangs on alpha.
    cat = (0.7 * cat + 0.3 * torch.rand(cat.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    style = impasto.samples.style("mosaic", 96)
    left_out = paint(WCT(levels=(4, 2), strengths=(0, 1)), cat, style)
    torch.testing.assert_close(left_out, paint(WCT(levels=(2,)), cat, style))
    assert (left_out - paint(WCT(levels=(2,), strengths=(0.5,)), cat, style)).abs().mean() > 0.005
    torch.testing.assert_close(
        paint(WCT(levels=(2,), strengths=(0.5,)), cat, style), paint(WCT(levels=(2,), alpha=0.5), cat, style)
    )
    with pytest.raises(ParameterError, match="as many strengths as levels"):
        WCT(levels=(3, 2), strengths=(1.0,))


@pytest.mark.parametrize("stage", [WCT(levels=(3,)), StyleSwap()])
def test_weights_are_proportions(stage, cat):
    one, two = impasto.samples.style("mosaic", 96), impasto.samples.style("wave", 96)

    def mixed(a, b):
        return paint(stage, cat, [impasto.Style(one, weight=a), impasto.Style(two, weight=b)])

    torch.testing.assert_close(mixed(1, 3), mixed(0.25, 0.75), atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed(1, 0), paint(stage, cat, one), atol=1e-4, rtol=0)


def test_a_region_of_a_few_pixels_and_a_style_of_one(cat):
    corner = torch.zeros(1, *cat.shape[-2:])
    corner[:, :5, :5] = 1
    found = paint(WCT(), cat, torch.full((1, 3, 1, 1), 0.7), mask=corner)
    torch.testing.assert_close(found[..., 5:, :], cat[..., 5:, :], atol=0, rtol=0)


def test_a_patch_has_a_middle():
    with pytest.raises(ParameterError, match="an odd number, 1 to 9"):
        StyleSwap(patch=2)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [WCT(), WCT(levels=(5, 2), transform="transport", identity="both", alpha=0.6)])
def test_a_picture_in_tiles_is_the_picture_whole(stage, monkeypatch):
    photo = impasto.samples.content("astronaut", 320)[..., :249, :311]
    styles = [impasto.Style(impasto.samples.style("mosaic", 256)), impasto.Style(impasto.samples.style("wave", 96))]
    mask = torch.zeros(1, 1, 249, 311)
    mask[..., 30:, 20:300] = 0.8
    whole = paint(stage, photo, styles, mask=mask)
    monkeypatch.setattr(tiles, "PIXELS", 240 * 240)
    cut = paint(stage, photo, styles, mask=mask)
    # Covariances are inverted level after level, which enlarges what their sums are rounded by.
    assert (cut - whole).abs().max() < 0.02
    assert (cut - whole).abs().mean() < 2e-4


# ------------------------------------------------------------------------------------------- networks people have


def test_the_record_is_that_of_the_file():
    data = find(DECODERS).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (DECODERS.sha256, DECODERS.size)
    assert len(data) < 2_500_000


def flat(decoder, plan):
    found = {}
    for name, n in zip(decoder.convolutions, plan, strict=True):
        convolution = getattr(decoder, f"conv{name}")
        found |= {f"{n}.weight": convolution.weight, f"{n}.bias": convolution.bias}
    return found


def normalised(network, places):
    found = {"0.weight": 255 * torch.eye(3).flip(0)[..., None, None], "0.bias": -100 * torch.ones(3)}
    for name, n in zip(network.convolutions, places, strict=False):
        convolution = getattr(network, f"conv{name}")
        found |= {f"{n}.weight": convolution.weight, f"{n}.bias": convolution.bias}
    return found


PLACES = (2, 5, 9, 12, 16)


@pytest.mark.parametrize(
    ("decoder_name", "encoder_names"),
    [("decoder_relu{}_1.pth", (3,)), ("vgg19_{0}/feature_invertor_conv{0}_1.pth", (1, 2, 3))],
    ids=["irasin", "deep-transfer"],
)
def test_public_folders_load_by_path(tmp_path, cat, decoder_name, encoder_names):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = VGG(deepest="3_1")
        for level, plan in ((1, (1,)), (2, (1, 5, 8)), (3, (1, 5, 8, 12, 15))):
            file = tmp_path / decoder_name.format(level)
            file.parent.mkdir(exist_ok=True)
            torch.save(flat(VGGDecoder(layer=f"relu{level}_1"), plan), file)
    for level in encoder_names:
        cut = VGG(deepest=f"{level}_1")
        cut.load_state_dict({key: value for key, value in network.state_dict().items() if key in cut.state_dict()})
        torch.save(normalised(cut, PLACES), tmp_path / f"vgg_normalised_conv{level}_1.pth")
    stage = WCT(encoder=str(tmp_path), decoders=str(tmp_path), levels=(3, 2, 1))
    assert torch.isfinite(paint(stage, cat, cat)).all()
    with pytest.raises(StageError, match="no encoder that reaches relu4_1"):
        paint(WCT(encoder=str(tmp_path), decoders=str(tmp_path), levels=(4,)), cat, cat)


def test_compressed_networks_have_an_encoder_for_each_level(tmp_path, cat):
    state = {}
    for level, widths in ((1, (24,)), (2, (16, 32))):
        network, decoder = VGG(widths, f"{level}_1"), VGGDecoder(widths, f"relu{level}_1")
        colours = {"conv0.weight": torch.eye(3)[..., None, None], "conv0.bias": torch.zeros(3)}
        kept = {key: x for key, x in network.state_dict().items() if key not in ("mean", "std")}
        state |= {f"e{level}.{key}": x for key, x in (colours | kept).items()}
        state |= {f"d{level}.{key}": x for key, x in decoder.state_dict().items()}
    torch.save({key: x for key, x in state.items() if key[0] == "e"}, tmp_path / "encoders.pth")
    torch.save({key: x for key, x in state.items() if key[0] == "d"}, tmp_path / "decoders.pth")
    for level, width in ((1, 24), (2, 32)):
        encoder = level_encoder(str(tmp_path), level, CPU)
        assert encoder.channels[f"relu{level}_1"] == width
        assert encoder.padding == "reflect"
    stage = WCT(encoder=str(tmp_path), decoders=str(tmp_path / "decoders.pth"), levels=(2, 1))
    assert torch.isfinite(paint(stage, cat, cat)).all()
    with pytest.raises(WeightsError, match="has no encoder that reaches relu3_1"):
        level_encoder(str(tmp_path), 3, CPU)


def test_decoders_for_another_encoder_are_refused(tmp_path, cat):
    file = tmp_path / "decoders.pth"
    torch.save(VGGDecoder((24,), "relu1_1").state_dict(), file)
    with pytest.raises(StageError, match="takes 24 channels of relu1_1 and the encoder slim19 gives 16"):
        paint(WCT(decoders=str(file), levels=(1,)), cat, cat)


def test_a_decoder_that_takes_more_than_the_level_cannot_be_swapped_into(tmp_path, cat):
    file = tmp_path / "decoder.pth"
    torch.save(VGGDecoder((16, 32, 64), "relu3_1", {"relu2_1": 32}).state_dict(), file)
    with pytest.raises(StageError, match="takes relu3_1, relu2_1\n  what would work: one that takes relu3_1 alone"):
        paint(StyleSwap(decoders=str(file)), cat, cat)


def test_another_encoder_asks_for_its_decoders():
    with pytest.raises(ParameterError, match="needs a decoder that was trained for it"):
        WCT(encoder="vgg19")


def test_decoders_by_what_their_names_have_in_common_are_ours():
    content, style = impasto.samples.content("astronaut", 48), impasto.samples.style("mosaic", 48)
    by_name = impasto.Pipeline(WCT(levels=(2, 1), decoders="wct-slim19"))(content, style).tensor
    assert torch.equal(by_name, impasto.Pipeline(WCT(levels=(2, 1)))(content, style).tensor)
    with pytest.raises(impasto.ParameterError, match="wct, decoders: wct-slim20: there is no such file"):
        impasto.Pipeline(WCT(levels=(2, 1), decoders="wct-slim20"))(content, style)
