"""Decoders: channels of the public ones, skips, and the smallest features."""

import pytest
import torch

from impasto.networks import VGG, VGGDecoder, VGGEncoder, fit_decoder, load_decoders

THIN = (4, 8, 12, 16, 16)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def test_skips_are_kept_and_begin_at_zero(tmp_path):
    decoder = VGGDecoder(THIN, "relu3_1", {"relu2_1": 10})
    torch.save(decoder.state_dict(), tmp_path / "decoder.pth")
    found = load_decoders(tmp_path / "decoder.pth")["relu3_1"]
    assert found.channels == {"relu3_1": 12, "relu2_1": 10}
    deep, shallow = torch.rand(1, 12, 4, 4), torch.rand(1, 10, 8, 8)
    without = VGGDecoder(THIN, "relu3_1")
    without.load_state_dict({key: x for key, x in decoder.state_dict().items() if "skip" not in key})
    torch.testing.assert_close(found({"relu3_1": deep, "relu2_1": shallow}), without(deep))


def test_a_decoder_is_as_wide_as_its_encoder_at_every_convolution_and_is_read_back(tmp_path):
    widths = {"1_1": 4, "1_2": 4, "2_1": 10, "2_2": 6, "3_1": 9}
    encoder = VGGEncoder(VGG(widths, "3_1"))
    images = torch.rand(2, 3, 32, 48)
    decoder = fit_decoder(encoder, "relu3_1", images)
    skipping = VGGDecoder.for_encoder(encoder, "relu3_1", ["relu2_1"])
    skipping.load_state_dict(decoder.state_dict(), strict=False)
    features = encoder.features(images, ["relu3_1", "relu2_1"])
    torch.testing.assert_close(skipping(features), decoder(features["relu3_1"]))
    assert [decoder.get_submodule(f"conv{name}").in_channels for name in decoder.convolutions] == [9, 6, 10, 4, 4]
    torch.save(skipping.state_dict(), tmp_path / "decoder.pth")
    found = load_decoders(tmp_path / "decoder.pth")["relu3_1"]
    assert (found.widths, found.channels) == ((4, 10, 9), {"relu3_1": 9, "relu2_1": 10})
    torch.testing.assert_close(found(features), skipping(features))


def test_one_position_is_enough():
    assert VGGDecoder(THIN, "relu5_1")(torch.rand(1, 16, 1, 1)).shape == (1, 3, 16, 16)
