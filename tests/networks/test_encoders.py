"""Encoders: layers, precision, calibration, and encoders by name; mistakes are explained."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

import impasto
from impasto.errors import WeightsError
from impasto.networks import VGG, VGGEncoder, encoder

LAYERS = ["relu1_1", "conv2_2", "relu3_1", "relu4_2"]
THIN = (4, 6, 8, 10, 12)


def random(seed, *size):
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed))


def slim(folder, widths=THIN):
    """A checkpoint as Impasto's trainer exports it: fp16, a square matrix for each layer that has one."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        tensors = {key: x for key, x in VGG(widths, "5_1").state_dict().items() if key not in ("mean", "std")}
    for block, width in enumerate(widths, 1):
        head = random(block, 30, width) - 0.5
        values, vectors = torch.linalg.eigh(head.T @ head)
        tensors[f"metric{block}_1"] = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    torch.save({key: value.half() for key, value in tensors.items()}, folder / "slim.pth")
    return folder / "slim.pth"


@pytest.fixture(scope="module")
def image():
    return random(7, 1, 3, 40, 33)


@pytest.fixture(scope="module")
def thin():
    torch.manual_seed(0)
    return VGGEncoder(VGG(THIN, "5_1"), "thin")


def test_layers_and_channels_are_what_features_gives(thin, image):
    found = thin.features(image, thin.layers)
    assert tuple(found) == thin.layers
    assert {layer: x.shape[1] for layer, x in found.items()} == thin.channels
    assert torch.equal(found["relu4_1"], found["conv4_1"].relu())


def test_nothing_deeper_than_asked_is_computed(image):
    network = VGG(THIN, "5_1")
    for name in network.convolutions[3:]:
        getattr(network, f"conv{name}").weight.data.fill_(torch.nan)
    touched = []
    network.conv2_2.register_forward_hook(lambda *_: touched.append("conv2_2"))
    assert VGGEncoder(network).features(image, ["relu1_1", "relu2_1"])["relu2_1"].isfinite().all()
    assert touched == []


def test_average_pooling_is_average_pooling(image):
    network = VGG(THIN, "2_1")
    found = VGGEncoder(network, pooling="average").features(image, ["relu1_2", "conv2_1"])
    expected = network.conv2_1(nn.functional.avg_pool2d(found["relu1_2"], 2))
    torch.testing.assert_close(found["conv2_1"], expected)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_deeper_features_are_those_of_the_picture(image, pooling):
    encoder = VGGEncoder(VGG(THIN, "4_1"), pooling=pooling)
    found = encoder.features(image, ["relu2_1", "relu4_1"])
    torch.testing.assert_close(encoder.deeper(found["relu2_1"], "relu2_1", "relu4_1"), found["relu4_1"])


def test_a_flat_picture_has_flat_first_features_unless_padded_with_zeros():
    network = VGG(THIN, "1_1")
    flat = torch.full((1, 3, 8, 8), 0.7)
    spread = {
        padding: VGGEncoder(network, padding=padding).features(flat, ["conv1_1"])["conv1_1"].std((2, 3)).max()
        for padding in ("replicate", "reflect", "zeros")
    }
    assert spread["replicate"] < 1e-6
    assert spread["reflect"] < 1e-6
    assert spread["zeros"] > 0.01


def test_gradients_reach_the_picture_and_never_the_weights(thin, image):
    for bfloat16 in (False, True):
        picture = image.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            found = thin.features(picture, ["relu3_1"])["relu3_1"]
        found.float().square().sum().backward()
        assert picture.grad.dtype == torch.float32
        assert picture.grad.norm() > 0
        assert all(parameter.grad is None for parameter in thin.parameters())


def test_autocast_computes_in_bfloat16_close_to_float32(thin, image):
    exact = thin.features(image, LAYERS)
    with torch.autocast("cpu", torch.bfloat16):
        rough = thin.features(image, LAYERS)
        assert torch.is_autocast_enabled("cpu")
    for layer, features in exact.items():
        assert features.dtype == torch.float32
        assert rough[layer].dtype == torch.bfloat16
        assert 0 < (rough[layer].float() - features).norm() / features.norm() < 0.02
    again = thin.features(image, LAYERS)
    assert all(torch.equal(again[layer], features) for layer, features in exact.items())


def test_bfloat16_still_sees_differences_smaller_than_its_own_levels():
    """0.486 and 0.487 are one number in bfloat16; normalised before they are cast, they are two."""
    network = VGG((4,), "1_1")
    with torch.autocast("cpu", torch.bfloat16):
        dark, light = (
            VGGEncoder(network).features(torch.full((1, 3, 4, 4), level), ["conv1_1"])["conv1_1"]
            for level in (0.486, 0.487)
        )
    assert not torch.equal(dark, light)


def test_calibrated_distances_are_those_of_the_estimated_features(tmp_path, image):
    file = slim(tmp_path)
    other = image.flip(3)
    plain, calibrated = encoder(file), encoder(file, calibrated=True)
    for block in (1, 3, 5):
        layer = f"relu{block}_1"
        head = random(block, 30, THIN[block - 1]) - 0.5
        thin_difference = (plain.features(image, [layer])[layer] - plain.features(other, [layer])[layer])[0]
        wide = torch.einsum("oc,chw->ohw", head, thin_difference)
        found = calibrated.features(image, [layer])[layer] - calibrated.features(other, [layer])[layer]
        assert found.shape[1] == THIN[block - 1]
        assert found.norm().item() == pytest.approx(wide.norm().item(), rel=2e-3)


def test_calibration_is_refused_where_there_is_none(tmp_path, image):
    calibrated = encoder(slim(tmp_path), calibrated=True)
    with pytest.raises(LookupError, match=r"(?s)relu3_2 is not calibrated.*relu1_1, relu2_1"):
        calibrated.features(image, ["relu3_1", "relu3_2"])
    with pytest.raises(ValueError, match="no matrices that calibrate"):
        VGGEncoder(VGG(THIN, "2_1"), "thin", calibrated=True)


def test_vgg19_itself_is_its_own_calibration(image):
    network = VGG(deepest="2_1")
    same = VGGEncoder(network, calibrated=True).features(image, ["relu1_2", "relu2_1"])
    plain = VGGEncoder(network).features(image, ["relu1_2", "relu2_1"])
    assert all(torch.equal(same[layer], x) for layer, x in plain.items())


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (["relu3_5"], r"no layer called 'relu3_5'\n  it has: relu1_1, .*did you mean 'relu3_\d'"),
        (["relu31"], "did you mean 'relu3_1'"),
        (["relu5_4"], "relu5_4 is deeper than the network\n  what would work: relu5_1 or a shallower one"),
        ([21], "no layer called 21"),
    ],
)
def test_an_unknown_layer_is_answered_with_those_there_are(thin, image, layers, says):
    with pytest.raises(LookupError, match=f"(?s)thin: .*{says}"):
        thin.features(image, layers)


@pytest.mark.parametrize(
    ("layer", "padding", "least"),
    [("relu5_1", "replicate", 16), ("relu3_1", "replicate", 4), ("relu1_1", "reflect", 2)],
)
def test_the_least_size_that_is_named_is_the_least_that_works(layer, padding, least):
    tested = VGGEncoder(VGG(THIN, "5_1"), padding=padding)
    assert tested.features(torch.rand(1, 3, least, least), [layer])[layer].shape[-1] >= 1
    with pytest.raises(ValueError, match=rf"too small for {layer}\n.*at least {least} pixels"):
        tested.features(torch.rand(1, 3, 64, least - 1), [layer])


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        (
            torch.rand(3, 32, 32),
            ValueError,
            r"expected a tensor of shape \(B, 3, H, W\), found \(3, 32, 32\)",
        ),
        (torch.rand(1, 1, 32, 32), ValueError, r"found \(1, 1, 32, 32\)"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), TypeError, "found torch.uint8"),
        (torch.rand(1, 3, 32, 32).double(), TypeError, "found torch.float64"),
        ([[0.5]], TypeError, "found list"),
        (torch.rand(1, 3, 32, 32, device="meta"), ValueError, "is on cpu and the picture on meta"),
    ],
)
def test_a_wrong_picture_is_answered_with_what_was_found(thin, wrong, kind, says):
    with pytest.raises(kind, match=f"thin: .*{says}"):
        thin.features(wrong, ["relu1_1"])


def test_one_layer_without_its_list_is_answered_with_what_to_type(thin, image):
    with pytest.raises(TypeError, match=r"features\(image, \['relu1_1'\]\)"):
        thin.features(image, "relu1_1")


@pytest.mark.parametrize("option", [{"pooling": "mean"}, {"padding": "reflection"}])
def test_an_option_that_is_none_is_refused(option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"{name} = '{value}' is not one\n  what would work: "):
        VGGEncoder(VGG(THIN, "1_1"), **option)


# --------------------------------------------------------------------------------------------------- by name


def test_an_encoder_is_loaded_once_and_again_when_its_file_changes(tmp_path, image):
    file = slim(tmp_path)
    first = encoder(str(file))
    assert encoder(str(file)) is first
    assert encoder(str(file), pooling="average") is not first
    assert encoder(str(file), pooling="average").network is first.network
    slim(tmp_path, (5, 6, 8, 10, 12))
    os.utime(file, ns=(1, 1))
    assert encoder(str(file)).channels["relu1_1"] == 5


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(LookupError, match=r"(?s)encoder called 'slim-19'.*slim19-half, vgg19.*did you mean"):
        encoder("slim-19")


@pytest.mark.parametrize("given", ["no/such/vgg.pth", Path("no-such-vgg")])
def test_a_missing_file_is_answered_as_a_file(given):
    with pytest.raises(WeightsError, match="there is no such file"):
        encoder(given)


def test_plugins_may_offer_a_vgg_or_an_encoder_of_their_own(monkeypatch, image):
    class Plugin:
        offered = VGG(THIN, "2_1")

        @impasto.hookimpl
        def impasto_encoders(self):
            return {"mine": lambda: self.offered}

    plugin = Plugin()
    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(plugin))
    assert encoder("mine", pooling="average").channels["relu2_1"] == 6
    plugin.offered = VGGEncoder(VGG(THIN, "1_2"), "whole")
    assert encoder("mine") is plugin.offered
    with pytest.raises(ValueError, match=r"(?s)comes with its pooling and padding.*'max'"):
        encoder("mine", pooling="average")
    plugin.offered = nn.Conv2d(3, 4, 3)
    with pytest.raises(TypeError, match="was loaded as Conv2d"):
        encoder("mine")


def test_an_encoder_is_float32_whatever_torch_made_by_default_when_it_was_first_asked_for(monkeypatch):
    class Means(nn.Module):
        name, layers = "means", ("mean",)
        channels, strides = {"mean": 4}, {"mean": 1}

        def __init__(self):
            super().__init__()
            self.mix = nn.Conv2d(3, 4, 1)
            self.register_buffer("waves", torch.ones(4, dtype=torch.complex64))

        def features(self, image, layers):
            return {layer: self.mix(image) for layer in layers}

    class Plugin:
        @impasto.hookimpl
        def impasto_encoders(self):
            return {"means": Means}

    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(Plugin()))
    torch.set_default_dtype(torch.float64)
    try:
        means = encoder("means")
    finally:
        torch.set_default_dtype(torch.float32)
    assert means.features(random(1, 1, 3, 4, 4), ["mean"])["mean"].dtype == torch.float32
    assert means.waves.dtype == torch.complex64  # numbers that have no place in float32
