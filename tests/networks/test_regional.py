"""Features by region: each changed by its own map, the rest as it was."""

import torch

from impasto.networks import fill_empty, map_by_region, region_masks


def test_each_region_goes_through_its_own_map_and_the_rest_stays():
    features = torch.rand(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    guides = torch.zeros(1, 3, 16, 32)
    guides[:, 0, :, :8], guides[:, 1, :, 8:16], guides[:, 2, :, 16:] = 1, 1, 0.5
    result = map_by_region(features, guides, {0: lambda x: x + 1, 2: lambda x: x + 2})
    torch.testing.assert_close(result[..., :2], features[..., :2] + 1)
    assert torch.equal(result[..., 2:4], features[..., 2:4])
    torch.testing.assert_close(result[..., 4:], features[..., 4:] + 1)


def test_a_map_is_not_asked_where_its_region_is_not():
    features = torch.rand(1, 3, 4, 4)

    def fails(x):
        raise AssertionError("no position of this region is here")

    assert torch.equal(map_by_region(features, torch.zeros(1, 1, 8, 8), {0: fails}), features)


def test_a_picture_without_a_region_has_statistics_of_all_of_it():
    masks = torch.zeros(2, 1, 3, 3)
    masks[0, :, 1] = 0.5
    filled = fill_empty(masks)
    assert torch.equal(filled[0], masks[0])
    assert (filled[1] == 1).all()


def test_regions_in_positions_of_the_features_are_not_pooled_again():
    guides = torch.rand(1, 2, 32, 48, generator=torch.Generator().manual_seed(0)) / 2
    features = torch.rand(2, 3, 8, 12)
    masks = region_masks(guides, features)
    assert region_masks(masks, features) is masks
    maps = {0: lambda x: x + 1, 1: lambda x: 2 * x}
    assert torch.equal(map_by_region(features, masks, maps), map_by_region(features, guides, maps))
