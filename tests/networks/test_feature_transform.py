"""Pictures painted in tiles are the pictures painted whole, with the memory of a tile."""

import math
from dataclasses import dataclass
from functools import partial

import pytest
import torch

from impasto import Style
from impasto.functional import statistics
from impasto.networks import (
    VGG,
    FeatureTransform,
    VGGDecoder,
    VGGEncoder,
    affine_map,
    style_summaries,
    stylize_features,
    tiles,
)
from impasto.stage import RunContext, StreamMemo

WIDTHS = (3, 4, 5, 6)
LAYER = "relu4_1"
MIXED = FeatureTransform(statistics.covariance_moments, partial(affine_map, transform=torch.add))
"""Asks for both covariances; whitening would enlarge rounding wherever the features of random networks are weak."""


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)


@pytest.fixture
def networks():
    """An encoder and a decoder with a skip, whose random weights keep the scale."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network, decoder = VGG(WIDTHS, "4_1"), VGGDecoder(WIDTHS, LAYER, {"relu3_1": WIDTHS[2]})
        for parameter in (*network.parameters(), *decoder.parameters()):
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    return VGGEncoder(network, "random"), decoder.requires_grad_(False).eval()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)


def paint(networks, image, styles, guides=None, alpha=1.0, transform=MIXED):
    encoder, decoder = networks
    summaries = style_summaries(styles, encoder, decoder.layers, transform.summary)
    return stylize_features(image, guides, styles, summaries, networks, transform, alpha)


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
    monkeypatch.setattr("impasto.networks.feature_transform.radius_of", lambda network, layers: 0)
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


@dataclass(frozen=True)
class Extremes:
    """The smallest and the largest value of each channel."""

    low: torch.Tensor
    high: torch.Tensor

    @classmethod
    def of(cls, features, weights):
        there = torch.ones_like(features[:1, :1]) if weights is None else weights
        inside = features.where(there > 0, torch.nan).flatten(2)
        return cls(inside.nan_to_num(torch.inf).amin(-1), inside.nan_to_num(-torch.inf).amax(-1))

    def __add__(self, other):
        return Extremes(torch.minimum(self.low, other.low), torch.maximum(self.high, other.high))


def stretched(source, targets):
    """The map of the content's range to the styles'."""
    low, high = (sum(t.share * getattr(t.summary, end) for t in targets)[..., None, None] for end in ("low", "high"))
    start, stop = source.low[..., None, None], source.high[..., None, None]
    return lambda features: low + (features - start) / (stop - start).clamp_min(1e-3) * (high - low)


@pytest.mark.parametrize("regions", [False, True])
def test_any_summary_with_a_plus_is_joined_from_tiles(networks, given, monkeypatch, regions):
    image, styles, guides = given
    if not regions:
        styles, guides = styles[1:], None
    transform = FeatureTransform(Extremes.of, stretched)
    whole = paint(networks, image, styles, guides, transform=transform)
    monkeypatch.setattr(tiles, "PIXELS", 192 * 192)
    assert (paint(networks, image, styles, guides, transform=transform) - whole).abs().max() < 1e-4 * whole.std()
    # The last tile's alone would show.
    monkeypatch.setattr(Extremes, "__add__", lambda self, other: other)
    assert not (paint(networks, image, styles, guides, transform=transform) - whole).abs().max() < 0.01 * whole.std()


def test_a_summary_that_is_empty_is_no_region_that_is_missing(networks, given):
    image, styles, _ = given
    nothing = FeatureTransform(lambda features, weights: [], lambda source, targets: lambda features: 0 * features)
    black = networks[1]({layer: 0 * x for layer, x in networks[0].features(image, networks[1].layers).items()})
    torch.testing.assert_close(paint(networks, image, styles[1:], transform=nothing), black)


def test_styles_are_summed_up_once_in_a_stream(networks, given):
    encoder, decoder = networks
    _, styles, _ = given
    frames = []
    with RunContext(memo=StreamMemo()) as run:
        for _ in range(3):
            frames.append(style_summaries(styles, encoder, decoder.layers, Extremes.of))
            run.memo.next_frame()
    assert all(first is later for frame in frames[1:] for first, later in zip(frames[0], frame, strict=True))
