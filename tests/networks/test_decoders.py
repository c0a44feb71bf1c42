"""Decoders by name and from files; what is none is explained."""

import pytest
import torch
from torch import nn

import impasto
from impasto.errors import WeightsError
from impasto.networks import Decoder, VGGDecoder, decoder

THIN = (4, 6, 8)


class Plugin:
    offered: nn.Module = VGGDecoder(THIN, "relu2_1")

    @impasto.hookimpl
    def impasto_decoders(self):
        return {"mine": lambda: self.offered}


@pytest.fixture
def plugin(monkeypatch):
    plugin = Plugin()
    host = impasto.Host(plugin)
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    return plugin


def test_a_name_gives_the_same_frozen_decoder_every_time(plugin):
    found = decoder("mine")
    assert found is decoder("mine") is plugin.offered
    assert isinstance(found, Decoder)
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert not found.training


def test_a_file_of_one_decoder_needs_no_layer_and_one_of_several_does(plugin, tmp_path):
    one, several = tmp_path / "one.pth", tmp_path / "several.pth"
    torch.save(VGGDecoder(THIN, "relu3_1").state_dict(), one)
    torch.save(
        {
            f"{layer}.{key}": value
            for layer in ("relu1_1", "relu2_1")
            for key, value in VGGDecoder(THIN, layer).state_dict().items()
        },
        several,
    )
    assert decoder(one).layers == ("relu3_1",)
    assert decoder(str(several), layer="relu2_1").layers == ("relu2_1",)
    with pytest.raises(WeightsError, match=r"(?s)several decoders.*relu1_1, relu2_1.*layer='relu1_1'"):
        decoder(several)
    with pytest.raises(WeightsError, match=r"(?s)no decoder for relu2_1.*it has: relu3_1"):
        decoder(one, layer="relu2_1")


def test_what_is_no_decoder_is_refused(plugin):
    with pytest.raises(LookupError, match=r"(?s)decoder called 'mnie'.*did you mean 'mine'"):
        decoder("mnie")
    plugin.offered = nn.Conv2d(3, 4, 3)
    with pytest.raises(TypeError, match=r"(?s)loaded as Conv2d, which lacks layers, channels.*networks\.Decoder"):
        decoder("mine")


def test_a_whole_name_stands_for_its_own_layer_alone(plugin):
    assert decoder("mine", layer="relu2_1") is decoder("mine")
    with pytest.raises(WeightsError, match=r"mine: is no decoder for relu1_1\n  it has: relu2_1\n  what would work: "):
        decoder("mine", layer="relu1_1")
