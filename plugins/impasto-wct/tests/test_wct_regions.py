"""Features by region: which styles change them, and what stays."""

import pytest
import torch

from impasto import StageError, Style
from impasto.stage import Region, covered_regions
from impasto_wct.regions import features_for_region, transform_by_region


@pytest.fixture
def pictures():
    rng = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 16, 24, generator=rng) for _ in range(3)]


def to_number(features, mask, own):
    """Fill with the weighted mean of the styles' numbers, to see who painted where."""
    return torch.zeros_like(features) + sum(style.share * style.features.mean() for style in own)


def test_each_region_takes_the_styles_that_cover_it_and_the_rest_stays(pictures):
    features, guides = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 16, 16)
    guides[:, 0, :, :8], guides[:, 1, :8, 8:] = 1, 1
    style_guides = torch.zeros(1, 2, 16, 24)
    style_guides[:, 1] = 1
    styles = [Style(pictures[0]), Style(pictures[1], guides=style_guides)]
    own = [torch.full((1, 2, 4, 6), 10.0), torch.full((1, 2, 4, 6), 20.0)]
    result = transform_by_region(features, guides, styles, own, to_number)
    assert (result[..., :2] == 10).all()
    assert (result[..., :2, 2:] == 15).all()
    assert (result[..., 2:, 2:] == 0).all()


def test_a_region_that_one_picture_of_a_batch_lacks_leaves_it(pictures):
    features = torch.rand(2, 2, 4, 4)
    guides = torch.zeros(2, 1, 16, 16)
    guides[0] = 1

    def change(x, mask, own):
        assert (mask.flatten(1).sum(1) > 0).all()
        return x + 1

    result = transform_by_region(features, guides, [Style(pictures[0])], [torch.ones(1, 2, 4, 6)], change)
    torch.testing.assert_close(result, features + torch.tensor([1.0, 0.0])[:, None, None, None])


def test_only_the_proportions_of_weights_count(pictures):
    styles = [Style(pictures[0], weight=2.0), Style(pictures[1], weight=-0.5)]
    (region,) = covered_regions(None, styles)
    own = features_for_region(styles, [pictures[0], pictures[1]], region)
    assert [style.share for style in own] == pytest.approx([4 / 3, -1 / 3])
    with pytest.raises(StageError, match="1, -1, sum to 0"):
        features_for_region(styles, pictures[:2], Region(0, None, (0, 1), (1.0, -1.0)))


def test_regions_are_brought_to_the_size_of_the_features_once(pictures, monkeypatch):
    pool, pooled = torch.nn.functional.adaptive_avg_pool2d, []
    monkeypatch.setattr(
        torch.nn.functional, "adaptive_avg_pool2d", lambda maps, size: pooled.append(maps) or pool(maps, size)
    )
    guides = torch.ones(1, 1, 16, 16)
    transform_by_region(torch.zeros(1, 2, 4, 4), guides, [Style(pictures[0])], [torch.ones(1, 2, 4, 6)], to_number)
    assert len(pooled) == 1
