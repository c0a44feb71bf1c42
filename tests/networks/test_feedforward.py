"""What one-pass methods share: regions, shares of styles, sizes."""

import pytest
import torch

import impasto
from impasto import StageError, Style
from impasto.networks import by_region, fitting_encoder, parts, shrunk


@pytest.fixture
def pictures():
    rng = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 16, 24, generator=rng) for _ in range(3)]


def to_number(features, area, told):
    """Fill with the weighted mean of the styles' numbers, to see who painted where."""
    return torch.zeros_like(features) + sum(part.share * part.features.mean() for part in told)


def test_each_region_hears_its_styles_and_the_rest_stays(pictures):
    features, guides = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 16, 16)
    guides[:, 0, :, :8], guides[:, 1, :8, 8:] = 1, 1
    style_guides = torch.zeros(1, 2, 16, 24)
    style_guides[:, 1] = 1
    styles = [Style(pictures[0]), Style(pictures[1], guides=style_guides)]
    told = [torch.full((1, 2, 4, 6), 10.0), torch.full((1, 2, 4, 6), 20.0)]
    found = by_region(features, guides, styles, told, to_number)
    assert (found[..., :2] == 10).all()
    assert (found[..., :2, 2:] == 15).all()
    assert (found[..., 2:, 2:] == 0).all()


def test_a_region_that_one_picture_of_a_batch_lacks_leaves_it(pictures):
    features = torch.rand(2, 2, 4, 4)
    guides = torch.zeros(2, 1, 16, 16)
    guides[0] = 1

    def change(x, area, told):
        assert (area.flatten(1).sum(1) > 0).all()
        return x + 1

    found = by_region(features, guides, [Style(pictures[0])], [torch.ones(1, 2, 4, 6)], change)
    torch.testing.assert_close(found, features + torch.tensor([1.0, 0.0])[:, None, None, None])


def test_only_the_proportions_of_weights_count(pictures):
    styles = [Style(pictures[0], weight=2.0), Style(pictures[1], weight=-0.5)]
    told = parts(styles, [pictures[0], pictures[1]], 0)
    assert [part.share for part in told] == pytest.approx([4 / 3, -1 / 3])
    with pytest.raises(StageError, match="1, -1, sum to 0"):
        parts([Style(pictures[0]), Style(pictures[1], weight=-1.0)], pictures[:2], 0)


def test_a_style_is_shrunk_to_the_picture_and_never_enlarged(pictures):
    large = Style(torch.rand(1, 3, 400, 100), guides=torch.ones(1, 1, 400, 100))
    found = shrunk(large, (50, 50), 1.0, 1)
    assert found.image.shape[-2:] == (100, 25) == found.guides.shape[-2:]
    assert shrunk(large, (50, 50), 2.0, 1).image.shape[-2:] == (200, 50)
    assert shrunk(large, (900, 900), 1.0, 1).image.shape[-2:] == (400, 100)


def test_a_tiny_style_is_filled_up_with_its_border():
    found = shrunk(Style(torch.full((1, 3, 1, 5), 0.3)), (64, 64), 1.0, 8)
    assert found.image.shape[-2:] == (8, 8)
    assert bool((found.image == found.image[0, 0, 0, 0]).all())


def test_an_encoder_pads_the_picture_as_it_pads_its_features(tmp_path):
    assert fitting_encoder("slim19", torch.device("cpu")) is impasto.encoder("slim19")
    state = impasto.networks.VGG((4,), "1_1").state_dict()
    mirrored = {key: x for key, x in state.items() if key not in ("mean", "std")}
    mirrored |= {"conv0.weight": torch.eye(3)[..., None, None], "conv0.bias": torch.zeros(3)}
    torch.save(mirrored, tmp_path / "mirrored.pth")
    assert fitting_encoder(str(tmp_path / "mirrored.pth"), torch.device("cpu")).padding == "reflect"
