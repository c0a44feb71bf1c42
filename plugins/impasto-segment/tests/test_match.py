"""Pairs of regions: by looks, by names, and what later stages are given."""

import itertools

import pytest
import torch

import impasto
from impasto.stage import Canvas, Style, align_styles
from impasto_segment import MatchRegions
from impasto_segment.match import assign, describe_regions, pairing_costs


def halves(height, width, *, across=True, flip=False):
    """Guides of two regions: left and right, or above and below."""
    first = torch.zeros(1, 1, height, width)
    if across:
        first[..., : width // 2] = 1
    else:
        first[..., : height // 2, :] = 1
    return torch.cat([1 - first, first] if flip else [first, 1 - first], 1)


def patchwork(*textures):
    """A picture with one texture beside the other."""
    return torch.cat([texture[..., :96, :48] for texture in textures], -1)


FLAT = impasto.samples.style("ink-wash", 96)
BUSY = impasto.samples.style("pointillism", 96)


@pytest.fixture
def canvas():
    """Flat left and busy right; the style the other way round."""
    content = patchwork(FLAT, BUSY)
    style = Style(patchwork(BUSY, FLAT), guides=halves(96, 96), labels=("dots", "wash"))
    return Canvas(content, content, (style,), guides=halves(96, 96), labels=("calm", "lively"))


@pytest.mark.parametrize("spread", [True, False])
def test_regions_are_paired_by_their_looks(canvas, spread):
    found = MatchRegions(spread=spread, position=0.0).apply(canvas)
    (style,) = found.styles
    assert style.labels == found.labels == ("calm", "lively")
    assert torch.equal(style.guides, canvas.styles[0].guides.flip(1))
    assert torch.equal(align_styles(found)[0].guides, style.guides)


def test_place_decides_between_regions_that_look_alike(canvas):
    plain = torch.full((1, 3, 96, 96), 0.5)
    above = halves(96, 96, across=False)
    style = Style(plain, guides=above.flip(1))
    found = MatchRegions().apply(Canvas(plain, plain, (style,), guides=above))
    assert torch.equal(found.styles[0].guides, above)
    assert found.labels == ("region-1", "region-2")


def test_regions_of_several_styles_are_offered_together(canvas):
    flat, busy = (Style(picture, guides=torch.ones(1, 1, 96, 96)) for picture in (FLAT, BUSY))
    found = MatchRegions(position=0.0).apply(canvas.replace(styles=(busy, flat)))
    assert found.styles[0].guides.mean((0, 2, 3)).tolist() == [0, 1]
    assert found.styles[1].guides.mean((0, 2, 3)).tolist() == [1, 0]


def test_equal_names_come_first_and_the_others_are_paired_by_looks(canvas):
    style = canvas.styles[0]
    named = canvas.replace(styles=(style.replace(labels=("calm", "lively")),))
    found = MatchRegions(by="labels").apply(named)
    assert torch.equal(found.styles[0].guides, style.guides)  # as named, against their looks
    half = canvas.replace(styles=(style.replace(labels=("dots", "calm")),))
    with pytest.warns(UserWarning, match="no style has the region 'lively', which is paired by its looks"):
        found = MatchRegions(by="labels", spread=False, position=0.0).apply(half)
    assert torch.equal(found.styles[0].guides, style.guides.flip(1))


def test_a_style_for_one_region_stays_what_it_is(canvas):
    alone = Style(BUSY, region="lively")
    found = MatchRegions(position=0.0).apply(canvas.replace(styles=(alone, *canvas.styles)))
    assert found.styles[0] is alone
    assert torch.equal(found.styles[1].guides, canvas.styles[0].guides.flip(1))


def test_each_picture_of_a_batch_is_paired_alone(canvas):
    content = torch.cat([canvas.content, canvas.content.flip(-1)])
    found = MatchRegions(position=0.0).apply(Canvas(content, content, canvas.styles, guides=canvas.guides))
    style = found.styles[0]
    assert style.guides.shape == (2, 2, 96, 96)
    assert torch.equal(style.guides[0], style.guides[1].flip(0))


def test_only_what_lies_in_the_mask_is_compared(canvas):
    mask = halves(96, 96)[:, :1]
    found = MatchRegions(position=0.0).apply(canvas.replace(mask=mask))
    assert found.styles[0].guides[0, 0, 0, -1] == 1  # calm, the only region in the mask


def test_empty_and_tiny_regions_behave(canvas):
    guides = torch.zeros(1, 3, 96, 96)
    guides[:, 0] = 1
    guides[:, 0, 40, 40], guides[:, 1, 40, 40] = 0, 1  # a region of one pixel, and one of none
    found = MatchRegions().apply(canvas.replace(guides=guides, labels=("all", "dot", "none")))
    assert found.styles[0].guides.shape == (1, 3, 96, 96)
    empty = canvas.styles[0].replace(guides=torch.zeros(1, 2, 96, 96))
    with pytest.raises(impasto.StageError, match="all regions of the styles are empty"):
        MatchRegions().apply(canvas.replace(styles=(empty,)))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (5, 4), (6, 3), (1, 3), (3, 1)])
def test_the_pairing_is_the_best_one_that_uses_every_region(shape):
    costs = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    rows, columns = shape

    def fair(pairs):
        uses = [pairs.count(column) for column in range(columns)]
        return max(uses) - min(uses) <= 1

    def total(pairs):
        return sum(float(costs[row, column]) for row, column in enumerate(pairs))

    best = min(filter(fair, itertools.product(range(columns), repeat=rows)), key=total)
    assert assign(costs, spread=True) == list(best)
    assert assign(costs, spread=False) == costs.argmin(1).tolist()


def test_centres_and_sizes_are_shares_of_the_picture():
    regions = describe_regions(impasto.samples.content("cat", 96), halves(64, 96))
    torch.testing.assert_close(regions.position, torch.tensor([[0.5, 0.25, 0.5**0.5], [0.5, 0.75, 0.5**0.5]]))


def test_a_darker_painting_is_still_matched():
    light, dark = (
        describe_regions(picture, halves(96, 96)) for picture in (patchwork(FLAT, BUSY), 0.4 * patchwork(FLAT, BUSY))
    )
    assert assign(pairing_costs(light, dark, position=0.0), spread=False) == [0, 1]


def test_what_is_missing_is_an_error_that_says_what_to_type(canvas):
    with pytest.raises(impasto.StageError, match="needs a style picture"):
        MatchRegions().apply(canvas.replace(styles=()))
    with pytest.raises(impasto.StageError, match=r"the content has no regions\n.*segment-regions:target=both"):
        MatchRegions().apply(canvas.replace(guides=None, labels=()))
    bare = canvas.styles[0].replace(guides=None, labels=())
    with pytest.raises(impasto.StageError, match=r"style 2 of 2 has no regions\n.*segment-regions:target=both"):
        MatchRegions().apply(canvas.replace(styles=(canvas.styles[0], bare)))
    with pytest.raises(impasto.StageError, match=r"the regions of the content have no names\n.*by=features"):
        MatchRegions(by="labels").apply(canvas.replace(labels=()))
