"""Pictures painted in tiles are the pictures painted whole, with the memory of a tile."""

import math
from functools import partial, reduce
from operator import add

import pytest
import torch

from impasto import Encoder, Style
from impasto.functional import statistics
from impasto.functional.statistics import Moments
from impasto.networks import VGG, Decoder, Exchange, cut, linear, mapped, reach, repainted, seen, study, tiles

WIDTHS = (3, 4, 5, 6)
LAYER = "relu4_1"
MIXED = Exchange(statistics.covariance, partial(linear, transform=torch.add))
"""Asks for both covariances; whitening would enlarge rounding wherever the features of random networks are weak."""


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)


@pytest.fixture
def networks():
    """An encoder and a decoder with a skip, whose random weights keep the scale."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network, decoder = VGG(WIDTHS, "4_1"), Decoder(WIDTHS, LAYER, {"relu3_1": WIDTHS[2]})
        for parameter in (*network.parameters(), *decoder.parameters()):
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    return Encoder(network, "random"), decoder.requires_grad_(False).eval()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)


# ------------------------------------------------------------------------------------------------------- cutting


@pytest.mark.parametrize("size", [(8, 5000), (1304, 904), (3000, 2000), (1448, 1448), (1449, 1448)])
def test_tiles_cover_a_picture_once_and_hold_their_context(size):
    height, width = size
    covered = torch.zeros(1, 1, height, width)
    for tile in cut(size, 60, 8):
        rows, columns = tile
        covered[..., rows.start : rows.stop, columns.start : columns.stop] += 1
        assert (rows.last - rows.first) * (columns.last - columns.first) <= tiles.PIXELS
        for span, length in ((rows, height), (columns, width)):
            assert span.start % 8 == span.first % 8 == 0
            assert span.first == 0 or span.start - span.first >= 60
            assert span.last == length or span.last - span.stop >= 60
    assert (covered == 1).all()


def test_up_to_full_hd_nothing_is_cut():
    assert [len(cut((1088, 1920), context, 16)) for context in (0, 60, 300)] == [1, 1, 1]


def test_mapped_puts_tiles_where_they_belong(small, rng):
    image = torch.rand(2, 3, 300, 250, generator=rng)

    def blurred(values):
        around = torch.nn.functional.pad(values, (2, 2, 2, 2), mode="replicate")
        return torch.nn.functional.avg_pool2d(around, 5, stride=1)

    cuts = cut((300, 250), 2)
    assert len(cuts) > 1
    torch.testing.assert_close(mapped(lambda tile: blurred(tile.around(image)), image, cuts), blurred(image))


# -------------------------------------------------------------------------------------------------------- context


def changed(function, size):
    """How far from a pixel a function sees, by what changes when the pixel does."""
    image = torch.full((1, 3, *size), 0.5)
    spot = image.clone()
    middle = size[1] // 2
    spot[..., middle] = 1
    before, after = function(image), function(spot)
    stride = size[1] // before.shape[-1]
    columns = ((before - after).abs() > 0).flatten(0, 2).any(0).nonzero().flatten() * stride
    return int(max(middle - columns.min() - stride + 1, columns.max() - middle))


def test_the_reach_of_an_encoder_is_what_it_sees_and_no_more(networks):
    encoder, _ = networks
    for layer in ("relu1_1", "relu2_1", "relu3_1", LAYER):
        found = changed(lambda image, layer=layer: encoder.features(image, [layer])[layer], (96, 192))
        assert 0 <= seen(encoder, [layer]) - found < 2 ** (int(layer[4]) - 1)


def test_the_reach_of_a_decoder_is_what_it_sees_and_no_more(networks):
    _, decoder = networks
    for parameter in decoder.parameters():
        parameter.abs_()  # nothing that is seen cancels

    def paint(image):
        deep = torch.nn.functional.avg_pool2d(image, 8).mean(1, keepdim=True).expand(-1, 6, -1, -1)
        return decoder({LAYER: deep, "relu3_1": torch.zeros(1, 5, 24, 48)})

    assert 0 <= reach(decoder, decoder.convolutions) + 8 - changed(paint, (96, 192)) <= 8


# --------------------------------------------------------------------------------------------- moments of the whole


@pytest.mark.parametrize("statistic", [statistics.variance, statistics.covariance])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_pieces_add_up_to_those_of_the_whole(rng, statistic, weighted):
    features = 100 + torch.rand(2, 5, 12, 40, generator=rng)
    features[..., 20:] += 3
    weights = torch.rand(2, 1, 12, 40, generator=rng) if weighted else None
    if weighted:
        weights[0, ..., :16] = 0  # a whole piece of one picture
    pieces = [
        Moments.of(features[..., at : at + 8], statistic, None if weights is None else weights[..., at : at + 8])
        for at in range(0, 40, 8)
    ]
    found = reduce(add, pieces)
    mean, spread = statistic(features.double(), None if weights is None else weights.double())
    torch.testing.assert_close(found.mean.double(), mean.double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.spread.double(), spread.double(), atol=1e-3, rtol=0)


# ------------------------------------------------------------------------------------------------------- painting


def paint(networks, image, styles, guides=None, alpha=1.0):
    encoder, decoder = networks
    told = [study(encoder, decoder.layers, one.image, one.guides, statistics.covariance) for one in styles]
    return repainted(image, guides, styles, told, networks, MIXED, alpha)


@pytest.fixture
def given(rng):
    image = torch.rand(2, 3, 208, 232, generator=rng)
    guides = torch.zeros(2, 3, 208, 232)
    guides[:, 0, :, :90], guides[0, 1, 40:, 90:] = 1, 0.7  # the second picture lacks a region, both lack the third
    style_guides = torch.zeros(1, 3, 216, 200)
    style_guides[:, 1, 150:] = 1
    styles = [
        Style(torch.rand(1, 3, 216, 200, generator=rng), weight=0.6, guides=style_guides),
        Style(torch.rand(1, 3, 64, 48, generator=rng) ** 2, weight=0.8),
    ]
    return image, styles, guides


@pytest.mark.parametrize("regions", [False, True])
def test_tiles_make_the_picture_that_is_made_whole(networks, given, monkeypatch, regions):
    image, styles, guides = given
    if not regions:
        styles, guides = styles[1:], None
    whole = paint(networks, image, styles, guides, alpha=0.8)
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)
    error = (paint(networks, image, styles, guides, alpha=0.8) - whole).abs().max()
    assert error < 1e-4 * whole.std()


def test_less_context_would_show(networks, given, monkeypatch):
    image, styles, _ = given
    whole = paint(networks, image, styles[1:])
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)
    monkeypatch.setattr("impasto.networks.feedforward.seen", lambda encoder, layers: 0)
    # Rounding is a thousand times smaller.
    assert (paint(networks, image, styles[1:]) - whole).abs().max() > 0.01


def test_no_network_ever_sees_more_than_a_tile(networks, small, rng, monkeypatch):
    encoder, _ = networks
    looked = []
    features = encoder.features

    def watched(image, layers):
        looked.append(math.prod(image.shape[-2:]))
        return features(image, layers)

    monkeypatch.setattr(encoder, "features", watched)
    paint(networks, torch.rand(1, 3, 400, 320, generator=rng), [Style(torch.rand(1, 3, 480, 240, generator=rng))])
    assert max(looked) <= 192 * 192
    looked.clear()
    paint(networks, torch.rand(1, 3, 64, 96, generator=rng), [Style(torch.rand(1, 3, 32, 32, generator=rng))])
    assert looked == [32 * 32, 64 * 96]
