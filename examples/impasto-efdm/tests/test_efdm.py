import pytest
import torch

import impasto
from impasto.networks import TargetSummary
from impasto.testing import parametrize_checks, small_tiles
from impasto_efdm import EFDM, Values, rank_map


@parametrize_checks(EFDM(), EFDM(alpha=0.6))
def test_efdm(stage, check):
    check(stage)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(3)


def matched(content, *styles, weights=None):
    targets = [TargetSummary(Values.of(style, None), 1 / len(styles)) for style in styles]
    return rank_map(Values.of(content, weights), targets)(content)


def test_it_is_the_papers_sort_matching_to_the_bit(rng):
    content = torch.rand(2, 5, 99, generator=rng).argsort().view(2, 5, 9, 11).sqrt()  # all different
    style = 1 + 2 * torch.randn(1, 5, 11, 9, generator=rng)
    values = style.flatten(2).sort().values.expand(2, -1, -1)
    expected = torch.empty_like(values).scatter(-1, content.flatten(2).argsort(), values)
    assert torch.equal(matched(content, style), expected.view_as(content))


def test_other_sizes_and_ties_keep_the_styles_mean_and_equal_values_stay_equal(rng):
    content, style = (torch.randn(2, 5, *size, generator=rng).relu() for size in ((9, 11), (20, 13)))
    result = matched(content, style)
    torch.testing.assert_close(result.mean((2, 3)), style.mean((2, 3)))
    for channel, before in zip(result.flatten(0, 1), content.flatten(0, 1), strict=True):
        assert channel[before == 0].unique().numel() == 1


def test_a_position_counts_as_often_as_it_weighs(rng):
    content, style = torch.randn(1, 3, 8, 8, generator=rng), torch.randn(1, 3, 5, 5, generator=rng)
    left = torch.zeros(1, 1, 8, 8)
    left[..., :4] = 1
    torch.testing.assert_close(matched(content, style, weights=left)[..., :4], matched(content[..., :4], style))
    twice = torch.cat([content, content[..., :4]], -1)
    torch.testing.assert_close(matched(content, style, weights=1 + left), matched(twice, style)[..., :8])


def test_two_styles_give_the_mean_of_their_values(rng):
    content, one, other = torch.randn(3, 1, 4, 7, 7, generator=rng)
    torch.testing.assert_close(matched(content, one, other), (matched(content, one) + matched(content, other)) / 2)


CONTENT = impasto.samples.content("astronaut", 224)


def paint(stage, left, right):
    part = torch.zeros(1, 1, *CONTENT.shape[-2:])
    part[..., :100] = 1
    styles = [
        impasto.Style(impasto.samples.style(name, 120), region=side) for name, side in ((left, "a"), (right, "b"))
    ]
    return impasto.Pipeline(stage)(CONTENT, styles, guides={"a": part, "b": 1 - part}, device="cpu").tensor


def test_tiles_make_the_picture_that_is_made_whole_in_every_region():
    whole = paint(EFDM(), "mosaic", "wave")
    with small_tiles(96):
        assert (paint(EFDM(), "mosaic", "wave") - whole).abs().max() < 1e-4


def test_a_region_takes_the_values_of_its_own_style():
    one, other = paint(EFDM(), "mosaic", "wave"), paint(EFDM(), "mosaic", "woodcut")
    assert torch.equal(one[..., :32], other[..., :32])  # what lies farther than the networks look from the border
    assert not torch.equal(one[..., 150:], other[..., 150:])


def test_alpha_0_looks_at_no_style():
    torch.testing.assert_close(paint(EFDM(alpha=0), "mosaic", "wave"), paint(EFDM(alpha=0), "wave", "mosaic"))
