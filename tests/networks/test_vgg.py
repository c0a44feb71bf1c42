"""VGG at any width: pooling, and the first block in bands."""

import pytest
import torch
from torch import nn

from impasto.networks import VGG, VGGEncoder, vgg

THIN = (4, 6, 8, 10, 12)


@pytest.mark.parametrize("laid_out", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(2, 2), (7, 10), (16, 9)])
def test_max_pooling_is_torchs_with_and_without_gradients(size, laid_out):
    features = torch.randn(2, 3, *size).to(memory_format=laid_out)
    expected = nn.functional.max_pool2d(features, 2)
    assert torch.equal(vgg.max_pooled(features), expected)
    assert torch.equal(vgg.max_pooled(features.requires_grad_()), expected)


@pytest.mark.parametrize("padding", ["replicate", "reflect", "zeros"])
@pytest.mark.parametrize("size", [(33, 20), (48, 21), (17, 7)])
def test_bands_of_the_first_block_show_no_seams(size, padding, monkeypatch):
    monkeypatch.setattr(vgg, "BAND", 1)
    network, image = VGG(THIN, "3_1"), torch.rand(2, 3, *size)
    if padding == "reflect":
        network.conv1_2.padding_mode = "reflect"  # as some public networks have it
    made = VGGEncoder(network, padding=padding)
    in_bands = made.features(image, ["relu2_1", "conv3_1"])
    with_it = made.features(image, ["relu1_1", "relu2_1", "conv3_1"])  # which is asked for, and so made whole
    for layer, x in in_bands.items():
        torch.testing.assert_close(x, with_it[layer])
