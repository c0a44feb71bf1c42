"""The kit finds stages that mix up regions or tiles, and accuses none that does not."""

from unittest import SkipTest

import pytest

import impasto
from impasto.networks import FeatureTransform, map_tiles, style_summaries, stylize_features, tile_grid
from impasto.testing import each_region_has_its_own_style, small_tiles, tiles_equal_the_whole


class Fill(impasto.Stylizer, name="fill"):
    """Fill each region with its style's mean colour."""

    regional = True

    def own(self, styles, region):
        """Return the style of a region: those of the kit stand in the order of the regions."""
        return styles[region]

    def stylize(self, content, styles, guides):
        regions = 1 if guides is None else guides.shape[1]
        painted = 0.5 * content
        for region in range(regions):
            part = 1 if guides is None else guides[:, region : region + 1]
            painted = painted + 0.5 * part * self.own(styles, region).image.mean((2, 3), keepdim=True)
        return painted


class Swapped(Fill, name="swapped"):
    """Give each region the other's style."""

    def own(self, styles, region):
        return styles[-1 - region]


class Alike(Fill, name="alike"):
    """Give all regions one style."""

    def own(self, styles, region):
        return styles[-1]


class Broken(Fill, name="broken"):
    """Fail where there are regions."""

    def stylize(self, content, styles, guides):
        return content if guides is None else content[guides]


def test_a_stage_that_gives_each_region_its_style_passes():
    each_region_has_its_own_style(Fill())


@pytest.mark.parametrize("stage", [Swapped(), Alike(), Broken()], ids=lambda stage: stage.name)
def test_styles_in_the_wrong_region_are_found(stage):
    with pytest.raises(AssertionError, match=r"(?s)region.+what would work: "):
        each_region_has_its_own_style(stage)


def test_what_the_host_does_is_not_asked_of_a_stage():
    class Plain(Alike, name="plain"):
        """Fill the picture."""

        regional = False

    with pytest.raises(SkipTest, match="not say that it is regional"):
        each_region_has_its_own_style(Plain())
    with pytest.raises(SkipTest, match="does not paint in the tiles"):
        tiles_equal_the_whole(Plain())


class Mean:
    """The mean of features, and of how many positions it is."""

    def __init__(self, mean, count):
        self.mean, self.count = mean, count

    @classmethod
    def of(cls, features, weights):
        """Sum up features (B, C, h, w)."""
        weights = features.new_ones(1, 1, *features.shape[2:]) if weights is None else weights
        count = weights.sum((2, 3), keepdim=True)
        return cls((features.float() * weights).sum((2, 3), keepdim=True) / count.clamp_min(1e-6), count)

    def __add__(self, other):
        count = self.count + other.count
        return type(self)((self.mean * self.count + other.mean * other.count) / count.clamp_min(1e-6), count)


class Careless(Mean):
    """One whose pieces count alike, however large they are."""

    def __add__(self, other):
        return type(self)((self.mean + other.mean) / 2, self.count + other.count)


def shift(source, targets):
    mean = sum(target.share * target.summary.mean for target in targets)
    return lambda features: features + (mean - source.mean)


def shifting(summary):
    """A stylizer that shifts the means of features, summed up in one way or another."""

    class Shift(impasto.Stylizer, name="shift"):
        """Give the content's features the style's means."""

        multiple = 8
        regional = True
        transform = FeatureTransform(summary.of, shift)

        def stylize(self, content, styles, guides):
            networks = impasto.encoder("slim19"), impasto.decoder("adain-slim19")
            summaries = style_summaries(styles, networks[0], networks[1].layers, self.transform.summary)
            return stylize_features(content, guides, styles, summaries, networks, self.transform, alpha=1)

    return Shift()


class Levelled(impasto.Stylizer, name="levelled"):
    """Take the mean of each tile where that of the picture is meant."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        def paint(tile):
            part = tile.with_context(content)
            return (part - part.mean((2, 3), keepdim=True) + 0.5).clamp(0, 1)

        return map_tiles(paint, content, tile_grid(content.shape[-2:], 4))


def test_a_stage_whose_summaries_join_passes():
    tiles_equal_the_whole(shifting(Mean))


@pytest.mark.parametrize("stage", [shifting(Careless), Levelled()], ids=["careless", "levelled"])
def test_tiles_that_show_are_found(stage):
    with pytest.raises(AssertionError, match=r"(?s)in tiles of 24 pixels differs by up to.+what would work: a summary"):
        tiles_equal_the_whole(stage)


def test_small_tiles_end_with_their_block():
    with pytest.raises(KeyError), small_tiles(16):
        raise KeyError
    assert len(tile_grid((64, 64), 8)) == 1
