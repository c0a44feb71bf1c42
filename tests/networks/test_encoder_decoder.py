"""An encoder and its decoder: what fits, padding, and the size of styles."""

import torch

import impasto
from impasto import Style
from impasto.networks import VGG, encoder_for_checkpoint
from impasto.stage import resized_style


def test_a_style_is_shrunk_to_the_picture_and_never_enlarged():
    large = Style(torch.rand(1, 3, 400, 100), guides=torch.ones(1, 1, 400, 100))
    result = resized_style(large, (50, 50), 1.0, 1)
    assert result.image.shape[-2:] == (100, 25) == result.guides.shape[-2:]
    assert resized_style(large, (50, 50), 2.0, 1).image.shape[-2:] == (200, 50)
    assert resized_style(large, (900, 900), 1.0, 1).image.shape[-2:] == (400, 100)


def test_a_tiny_style_is_filled_up_with_its_border():
    result = resized_style(Style(torch.full((1, 3, 1, 5), 0.3)), (64, 64), 1.0, 8)
    assert result.image.shape[-2:] == (8, 8)
    assert bool((result.image == result.image[0, 0, 0, 0]).all())


def test_an_encoder_pads_the_picture_as_it_pads_its_features(tmp_path):
    assert encoder_for_checkpoint("slim19", torch.device("cpu")) is impasto.encoder("slim19")
    state = VGG((4,), "1_1").state_dict()
    mirrored = {key: x for key, x in state.items() if key not in ("mean", "std")}
    mirrored |= {"conv0.weight": torch.eye(3)[..., None, None], "conv0.bias": torch.zeros(3)}
    torch.save(mirrored, tmp_path / "mirrored.pth")
    assert encoder_for_checkpoint(str(tmp_path / "mirrored.pth"), torch.device("cpu")).padding == "reflect"
