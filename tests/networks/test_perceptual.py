"""Perceptual losses: nothing between a picture and itself, gradients to the picture, and one scale for all layers."""

import pytest
import torch

import impasto
from impasto.networks import PerceptualLoss, perceptual_features


def loss_and_pictures():
    pictures = torch.cat([impasto.samples.content("cat", 96), impasto.samples.content("cat", 96).flip(-1)])
    return PerceptualLoss(impasto.encoder("slim19", calibrated=True), pictures), pictures


def test_a_picture_is_its_own_content_and_style():
    loss, pictures = loss_and_pictures()
    features = loss.features(pictures)
    other = loss.features(1 - pictures)
    assert loss.style(features, features) == loss.content(features, features["relu4_1"]) == 0
    assert loss.style(other, features) > 0 < loss.content(other, features["relu4_1"])


def test_every_layer_counts_alike():
    loss, pictures = loss_and_pictures()
    features = loss.features(pictures)
    for layer, x in features.items():
        error = loss.feature_error({layer: torch.zeros_like(x)}, {layer: x})
        torch.testing.assert_close(error, torch.tensor(1.0), atol=1e-3, rtol=0)


def test_features_are_float32_and_their_gradients_reach_the_picture():
    picture = impasto.samples.content("cat", 64).requires_grad_()
    features = perceptual_features(impasto.encoder("slim19"), picture, ["relu2_1"])["relu2_1"]
    assert features.dtype == torch.float32
    features.square().mean().backward()
    assert picture.grad.abs().sum() > 0


@pytest.mark.parametrize("has", [False, True])
def test_features_are_rounded_only_where_the_hardware_has_bfloat16(monkeypatch, has):
    monkeypatch.setattr("impasto.networks.perceptual.use_bfloat16", lambda device, precision: has)
    picture, encoder = impasto.samples.content("cat", 64), impasto.encoder("slim19")
    features = perceptual_features(encoder, picture, ["relu2_1"])["relu2_1"]
    assert torch.equal(features, encoder.features(picture, ["relu2_1"])["relu2_1"]) is not has
