"""Decoders: channels of the public ones, skips, and the smallest features."""

import pytest
import torch

from impasto.networks import VGGDecoder, load_decoders

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


def test_one_position_is_enough():
    assert VGGDecoder(THIN, "relu5_1")(torch.rand(1, 16, 1, 1)).shape == (1, 3, 16, 16)
