"""An encoder and its decoder: padding as the network was trained."""

import torch

import impasto
from impasto.networks import VGG, encoder_for_checkpoint


def test_an_encoder_pads_the_picture_as_it_pads_its_features(tmp_path):
    assert encoder_for_checkpoint("slim19", torch.device("cpu")) is impasto.encoder("slim19")
    state = VGG((4,), "1_1").state_dict()
    mirrored = {key: x for key, x in state.items() if key not in ("mean", "std")}
    mirrored |= {"conv0.weight": torch.eye(3)[..., None, None], "conv0.bias": torch.zeros(3)}
    torch.save(mirrored, tmp_path / "mirrored.pth")
    assert encoder_for_checkpoint(str(tmp_path / "mirrored.pth"), torch.device("cpu")).padding == "reflect"
