"""A thinner decoder paints what the wide one does."""

import pytest
import torch

from impasto.networks import VGGDecoder
from impasto_adain.narrowing import narrow_decoder

THIN = (4, 8, 12, 16, 16)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def test_a_narrowed_decoder_paints_what_the_wide_one_does_where_features_say_little_more():
    # Wide features that are combinations of few.
    wide = VGGDecoder((6, 12, 16), "relu3_1", {"relu2_1": 12}).requires_grad_(False)
    for name, kept in (("3_1", 4), ("2_2", 4), ("2_1", 3), ("1_2", 3)):
        convolution = wide.get_submodule(f"conv{name}")
        copies = torch.arange(len(convolution.weight)) % kept
        convolution.weight.copy_(convolution.weight[copies])
        convolution.bias.copy_(convolution.bias[copies])
        if name == "3_1":
            wide.skip2_1.weight.normal_()
            wide.skip2_1.weight.copy_(wide.skip2_1.weight[copies])
    features = {"relu3_1": torch.rand(2, 16, 24, 32), "relu2_1": torch.rand(2, 12, 48, 64)}
    thin = narrow_decoder(wide, (3, 4), features)
    assert thin.widths == (3, 4, 16)
    other = {layer: torch.rand_like(x) for layer, x in features.items()}
    torch.testing.assert_close(thin(other), wide(other), atol=1e-2 * wide(other).std().item(), rtol=0)


@pytest.mark.parametrize("widths", [(4,), (5, 8), (0, 8), (4, 8, 12)])
def test_decoders_are_not_narrowed_to_more(widths):
    with pytest.raises(ValueError, match=r"2 numbers, none larger than its own"):
        narrow_decoder(VGGDecoder(THIN, "relu3_1"), widths, {"relu3_1": torch.rand(1, 12, 8, 8)})
