"""An encoder and its decoder: whether they fit, and padding as the network was trained."""

import pytest
import torch

import impasto
from impasto.errors import ParameterError, StageError
from impasto.networks import VGG, VGGDecoder, VGGEncoder, check_pair, encoder_for_checkpoint, require_decoder


def test_an_encoder_pads_the_picture_as_it_pads_its_features(tmp_path):
    assert encoder_for_checkpoint("slim19", torch.device("cpu")) is impasto.encoder("slim19")
    state = VGG((4,), "1_1").state_dict()
    mirrored = {key: x for key, x in state.items() if key not in ("mean", "std")}
    mirrored |= {"conv0.weight": torch.eye(3)[..., None, None], "conv0.bias": torch.zeros(3)}
    torch.save(mirrored, tmp_path / "mirrored.pth")
    assert encoder_for_checkpoint(str(tmp_path / "mirrored.pth"), torch.device("cpu")).padding == "reflect"


def test_an_encoder_without_its_decoder_is_answered_with_what_to_type():
    given = {"example": "AdaIN(encoder='vgg19', decoder='decoder.pth')", "training": "impasto train adain-decoder"}
    require_decoder("adain", "slim19", "", **given)
    require_decoder("adain", "vgg19", "decoder.pth", **given)
    with pytest.raises(ParameterError, match=r"(?s)^adain: encoder = 'vgg19' needs a decoder.*what to type: AdaIN\("):
        require_decoder("adain", "vgg19", "", **given)


def test_a_pair_has_the_same_channels_in_every_layer():
    encoder = VGGEncoder(VGG((4, 8, 16), "3_1"), "thin")
    check_pair("adain: my.pth", VGGDecoder((4, 8, 16), "relu3_1", {"relu2_1": 8}), encoder)
    with pytest.raises(StageError, match=r"adain: my\.pth takes 9 channels of relu2_1 and the encoder thin gives 8"):
        check_pair("adain: my.pth", VGGDecoder((4, 8, 16), "relu3_1", {"relu2_1": 9}), encoder)
    with pytest.raises(StageError, match="takes 12 channels of relu4_1 and the encoder thin gives none"):
        check_pair("adain: my.pth", VGGDecoder((4, 8, 16, 12), "relu4_1"), encoder)
