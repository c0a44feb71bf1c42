"""A picture painted in one flat colour is pointed out, as empty networks paint; where it is honest, nothing is said."""

import warnings

import pytest
import torch

import impasto
from impasto.networks import VGGDecoder

PICTURE, OTHER = torch.rand(1, 3, 32, 48), torch.rand(1, 3, 40, 40)
FLAT = torch.full((1, 3, 32, 48), 0.25)


class Mean(impasto.Stylizer, name="mean"):
    """Paint everything in the style's mean."""

    network: str = impasto.param(default="mean.pth", reads=True, help="file of a network")

    def stylize(self, content, styles, guides):
        return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)


def test_one_flat_colour_is_pointed_out_with_the_weights():
    with pytest.warns(UserWarning, match=r"mean: painted one flat colour, #[0-9a-f]{6}(.|\n)*network='mean.pth'"):
        impasto.Pipeline(Mean())(PICTURE, OTHER)
    with pytest.warns(UserWarning, match="painted one flat colour"):  # of a batch, one
        impasto.Pipeline(Mean())(torch.cat([FLAT, PICTURE]), OTHER)


@pytest.mark.parametrize(("content", "style"), [(FLAT, OTHER), (PICTURE, FLAT), (PICTURE[..., :1, :1], OTHER)])
def test_what_was_flat_may_be_flat(content, style):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        impasto.Pipeline(Mean())(content, style)


def test_a_stage_without_networks_may_paint_one_colour():
    class Red(impasto.Stylizer, name="red"):
        """Paint everything red."""

        def stylize(self, content, styles, guides):
            return content.new_tensor((1.0, 0.0, 0.0)).view(1, 3, 1, 1).expand_as(content)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        impasto.Pipeline(Red())(PICTURE, OTHER)


@pytest.mark.parametrize("low", [True, False], ids=["bfloat16", "float32"])
def test_features_that_are_not_finite_are_found_before_a_network_makes_grey_of_them(low):
    encoder = impasto.encoder("slim19")
    decoder = VGGDecoder.for_encoder(encoder, "relu1_1")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=low):
        features = encoder.features(PICTURE, ["relu1_1"])["relu1_1"].clone()
        features[0, 0, 0, 0] = float("nan")
        with pytest.raises(FloatingPointError, match=r"decoder of relu1_1: 1 of \d+ values .* NaN"):
            decoder(features)
    if low:
        with (
            torch.no_grad(),
            torch.autocast("cpu", torch.bfloat16),
            pytest.raises(FloatingPointError, match="slim19: 3"),
        ):
            encoder.features(torch.where(PICTURE[..., :1, :1] == PICTURE, torch.inf, PICTURE), ["relu1_1"])
