"""What an encoder need not have: the rules that stand in for it, and refusals that say what it has."""

import pytest
import torch
import torch.nn.functional as F

import impasto
from impasto.errors import StageError
from impasto.networks import (
    Encoder,
    PerceptualLoss,
    VGGEncoder,
    check_layers,
    content_layer,
    encoder_memory,
    largest_stride,
    loss_layers,
    radius_of,
    require_vgg,
    style_layers,
    tile_grid,
)


class Means:
    name, layers = "means", ("fine", "middle", "coarse")
    channels, strides = {"fine": 3, "middle": 3, "coarse": 3}, {"fine": 1, "middle": 2, "coarse": 8}

    def features(self, image, layers):
        return {layer: F.avg_pool2d(image, self.strides[layer]) for layer in layers}


def test_an_encoder_with_the_five_members_is_one():
    assert isinstance(Means(), Encoder)
    assert isinstance(impasto.encoder("slim19"), VGGEncoder)
    assert not isinstance(torch.nn.Conv2d(3, 4, 3), Encoder)


def test_what_an_encoder_does_not_say_is_taken_from_its_layers():
    plain, told = Means(), Means()
    told.style_layers, told.content_layer = ("fine", "coarse"), "middle"
    assert (style_layers(plain), content_layer(plain)) == (("fine", "middle", "coarse"), "coarse")
    assert (style_layers(told), content_layer(told), loss_layers(told)) == (
        ("fine", "coarse"),
        "middle",
        ("fine", "middle"),
    )
    assert largest_stride(plain, ["fine", "middle"]) == 2


def test_without_a_radius_a_picture_is_never_cut():
    assert radius_of(Means(), ["fine"]) is None
    assert len(tile_grid((4000, 6000), radius_of(Means(), ["fine"]))) == 1


def test_memory_grows_with_pixels_and_depth():
    shallow, deep = (encoder_memory(Means(), [layer], 10_000, 4) for layer in ("fine", "coarse"))
    assert 3 * 10_000 * 4 < shallow < deep < 2 * shallow
    assert encoder_memory(Means(), ["fine"], 20_000, 4) == 2 * shallow


def test_a_layer_that_it_lacks_is_refused_with_those_it_has():
    with pytest.raises(StageError, match=r"(?s)mrf: layers asks for 'relu3_1'.*encoder means.*fine, middle, coarse"):
        check_layers("mrf", Means(), ["fine", "relu3_1"], "layers")


def test_what_works_inside_vgg_refuses_others():
    with pytest.raises(StageError, match=r"(?s)wct-photo: works inside.*means is a Means.*slim19"):
        require_vgg("wct-photo", Means())


def test_any_encoder_is_a_perceptual_loss():
    dark, light = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.8)
    loss = PerceptualLoss(Means(), torch.cat([dark, light]))
    assert loss.layers == ("fine", "middle", "coarse")
    seen, target = loss.features(dark), loss.features(light)
    # ‖0.8 - 0.2‖² against the mean of ‖0.2‖² and ‖0.8‖²
    assert loss.content(seen, target["coarse"]).item() == pytest.approx(0.36 / 0.34, rel=0.02)
