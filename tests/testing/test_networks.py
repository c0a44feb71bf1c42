"""The kit finds what is wrong with an encoder or a decoder, says what to do, and accuses no sound one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto import testing


@testing.parametrize_checks("slim19", of="encoder")
def test_the_encoder_of_the_host_is_sound(encoder, check):
    check(encoder)


@testing.parametrize_checks(("adain-slim19", "slim19"), ("wct-slim19-relu2_1", "slim19"), of="decoder")
def test_the_decoders_of_plugins_are_sound(decoder, check):
    check(decoder)


class Patches(nn.Module):
    """A patch embedding and two convolutions on it, as small as a sound encoder that is no VGG can be."""

    name, layers = "patches", ("patch", "first", "second")
    channels, strides = {"patch": 6, "first": 6, "second": 6}, {"patch": 4, "first": 4, "second": 4}

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        for layer, size in (("patch", (6, 3, 4, 4)), ("first", (6, 6, 3, 3)), ("second", (6, 6, 3, 3))):
            self.register_buffer(layer, torch.randn(size, generator=rng) / 8)

    def features(self, image, layers):
        for layer in layers:
            if layer not in self.layers:
                raise LookupError(f"has no layer called {layer!r}, it has: patch, first, second")
        found = {"patch": F.conv2d(image - 0.4, self.patch, stride=4)}
        found["first"] = F.conv2d(found["patch"].relu(), self.first, padding=1)
        found["second"] = F.conv2d(found["first"].relu(), self.second, padding=1)
        return {layer: found[layer] for layer in layers}

    def radius(self, layers):
        return 4 * max(self.layers.index(layer) for layer in layers)

    def deeper(self, features, layer, deeper):
        for name in self.layers[self.layers.index(layer) + 1 : self.layers.index(deeper) + 1]:
            features = F.conv2d(features.relu(), getattr(self, name), padding=1)
        return features


@testing.parametrize_checks(Patches(), of="encoder")
def test_an_encoder_that_is_no_vgg_is_sound(encoder, check):
    check(encoder)


class Nameless(Patches):
    strides = {"patch": 4, "first": 4}  # noqa: RUF012


class Padded(Patches):
    def features(self, image, layers):
        return super().features(F.pad(image, (0, 3, 0, 3)), layers)


class Forgetful(Patches):
    def features(self, image, layers):
        found = super().features(image, layers)
        return {layer: x * len(layers) for layer, x in found.items()}


class Normalised(Patches):
    def features(self, image, layers):
        return super().features(image - image.mean(), layers)


class Cut(Patches):
    def features(self, image, layers):
        return super().features(image.detach(), layers)


class Rough(Patches):
    def features(self, image, layers):
        found = super().features(image, layers)
        return {layer: x.round() if x.dtype == torch.bfloat16 else x for layer, x in found.items()}


class Silent(Patches):
    def features(self, image, layers):
        return super().features(image, [layer if layer in self.layers else "patch" for layer in layers])


class Near(Patches):
    def radius(self, layers):
        return 2


class Elsewhere(Patches):
    def deeper(self, features, layer, deeper):
        return features


@pytest.mark.parametrize(
    ("faulty", "check", "message"),
    [
        (Nameless(), "says_what_its_layers_are", "strides ="),
        (Padded(), "gives_features_of_the_size_it_states", "sides // its stride 4"),
        (Forgetful(), "gives_a_layer_alone_as_among_others", "patch alone differs"),
        (Normalised(), "sees_each_picture_of_a_batch_alone", "no mean over the batch"),
        (Cut(), "passes_gradients_to_the_picture", r"no torch.no_grad\(\) or detach"),
        (Rough(), "works_under_autocast", "in bfloat16"),
        (Silent(), "refuses_a_layer_that_it_lacks", "takes a layer called 'no-such-layer'"),
        (Near(), "looks_no_farther_than_it_says", "looks 4 pixels beyond"),
        (Elsewhere(), "goes_deeper_as_it_does_itself", "same operations"),
    ],
)
def test_a_fault_of_an_encoder_is_found(faulty, check, message):
    checks = {one.__name__: one for one in testing.SUITES["encoder"].checks}
    with pytest.raises(AssertionError, match=message):
        checks[check](faulty)


class Paint(nn.Module):
    """Paint each patch in the colour that its features tell best."""

    layers, channels = ("second",), {"second": 6}

    def __init__(self, scale=4, shift=0.4):
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, features):
        grey = torch.zeros_like(features["second"][:, :3]) + self.shift
        return F.interpolate(grey, scale_factor=float(self.scale))


class Wide(Paint):
    channels = {"second": 7}  # noqa: RUF012


@pytest.mark.parametrize(
    ("faulty", "check", "message"),
    [
        (Wide(), "takes_what_its_encoder_gives", "7, and patches gives 6"),
        (Paint(scale=2), "paints_as_large_as_the_picture", "the same size"),
        (Paint(shift=3.0), "comes_nearer_to_the_picture_than_grey", "trained with this encoder"),
    ],
)
def test_a_fault_of_a_decoder_is_found(faulty, check, message):
    checks = {one.__name__: one for one in testing.SUITES["decoder"].checks}
    with pytest.raises(AssertionError, match=message):
        checks[check]((faulty, Patches()))
