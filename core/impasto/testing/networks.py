"""Checks of encoders, and of decoders with their encoders: what the methods that use them rely on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor, nn

from ..networks import Decoder, Encoder, content_layer, decoder, encoder, radius_of, style_layers
from .harness import picture, require, works

SIDES = 61, 83
"""Rows and columns of the pictures: no multiples of a stride."""
WIDEST = 100
"""Pixels of the largest radius that is looked at; beyond it the pictures would be large."""


def encoder_of(subject: str | Encoder) -> Encoder:
    """Return an encoder, by the name under which a plugin offers it or as it is."""
    return encoder(subject) if isinstance(subject, str) else subject


def pair_of(subject: tuple[str | Decoder, str | Encoder]) -> tuple[Decoder, Encoder]:
    """Return a decoder and its encoder, by name or as they are."""
    given, own = subject
    return decoder(given) if isinstance(given, str) else given, encoder_of(own)


def is_encoder(found: Any) -> bool:
    """Return whether something is an encoder, or the name of one; what is nearly one is left to the checks."""
    return isinstance(found, str) or hasattr(found, "features")


def is_pair(found: Any) -> bool:
    """Return whether something is a decoder and its encoder, each by name or itself."""
    return isinstance(found, tuple) and len(found) == 2 and is_encoder(found[1])


def network_title(found: Any) -> str:
    """Return what reports and tests call an encoder, or a decoder and its encoder."""
    if isinstance(found, tuple):
        return " of ".join(map(network_title, found))
    return found if isinstance(found, str) else str(getattr(found, "name", type(found).__name__))


def pictures(own: Encoder) -> Tensor:
    """Return a batch of two, dark and light, that every layer leaves something of."""
    height, width = (max(side, 2 * max(own.strides.values()) + 1) for side in SIDES)
    return torch.cat([picture(height, width, 0.0), picture(height, width, 1.0)])


def close(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors agree to rounding."""
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


# ------------------------------------------------------------------------------------------------------------ encoders


def says_what_its_layers_are(subject: str | Encoder) -> None:
    """It has a name, layers shallow to deep, and the channels and stride of each."""
    own = encoder_of(subject)
    missing = [member for member in ("name", "layers", "channels", "strides", "features") if not hasattr(own, member)]
    require(not missing, f"it lacks {', '.join(missing)}", "the members that impasto.Encoder lists")
    layers = list(own.layers)
    require(
        layers and len(set(layers)) == len(layers) and all(isinstance(layer, str) and layer for layer in layers),
        f"layers = {own.layers!r}",
        "different names, shallow to deep",
    )
    for what, known in (("channels", own.channels), ("strides", own.strides)):
        require(
            set(known) == set(layers) and all(isinstance(known[layer], int) and known[layer] > 0 for layer in layers),
            f"{what} = {known!r}",
            f"a whole number for each of {', '.join(layers)}",
        )
    measured = [*style_layers(own), content_layer(own)]
    others = [layer for layer in measured if layer not in layers]
    require(not others, f"style is measured at {', '.join(others)}, which are none of its layers", "some of its layers")
    order = [layers.index(layer) for layer in style_layers(own)]
    require(order == sorted(order), f"style_layers = {style_layers(own)!r}", "shallow to deep")


def gives_features_of_the_size_it_states(subject: str | Encoder) -> None:
    """Features are (B, channels, H // stride, W // stride), finite, by layer in the order asked for."""
    own = encoder_of(subject)
    image = pictures(own)
    asked = list(own.layers)[::-1]
    with works("asking for every layer, the deepest first,", "features(image, layers) that returns a dict by layer"):
        found = own.features(image, asked)
    require(list(found) == asked, f"it gives {list(found)}", f"the layers as asked for: {asked}")
    for layer, x in found.items():
        stride = own.strides[layer]
        expected = (len(image), own.channels[layer], image.shape[-2] // stride, image.shape[-1] // stride)
        require(
            tuple(x.shape) == expected,
            f"{layer} of a picture {tuple(image.shape)} is {tuple(x.shape)}",
            f"{expected}: its channels, and the picture's sides // its stride {stride}",
        )
        require(
            bool(x.isfinite().all()), f"{layer} has values that are not finite", "features of any picture in [0, 1]"
        )


def gives_a_layer_alone_as_among_others(subject: str | Encoder) -> None:
    """What else is asked for changes no layer, nor does asking again; the picture stays as it was."""
    own = encoder_of(subject)
    image = pictures(own)
    kept = image.clone()
    together = own.features(image, list(own.layers))
    for layer in style_layers(own):
        alone = own.features(image, [layer])[layer]
        require(close(alone, together[layer]), f"{layer} alone differs from {layer} among others", "no state in it")
    require(torch.equal(image, kept), "the picture is another one afterwards", "no operation in place on it")


def sees_each_picture_of_a_batch_alone(subject: str | Encoder) -> None:
    """The features of a picture do not depend on what else is in its batch."""
    own = encoder_of(subject)
    image = pictures(own)
    layers = list(style_layers(own))
    together = own.features(image, layers)
    alone = own.features(image[:1], layers)
    for layer in layers:
        require(
            close(alone[layer], together[layer][:1]),
            f"{layer} of a picture depends on the other one of its batch",
            "normalisation by fixed numbers: eval(), and no mean over the batch",
        )


def passes_gradients_to_the_picture(subject: str | Encoder) -> None:
    """A loss of features has a gradient for the picture, and none for weights."""
    own = encoder_of(subject)
    image = pictures(own).requires_grad_()
    with torch.enable_grad(), works("taking a gradient of its features", "no torch.no_grad() or detach() in it"):
        found = own.features(image, list(style_layers(own)))
        loss = torch.stack([x.float().square().mean() for x in found.values()]).sum()
        (gradient,) = torch.autograd.grad(loss, image)
    require(
        bool(gradient.isfinite().all()) and bool(gradient.abs().sum() > 0),
        "the picture gets no gradient, or one that is not finite",
        "operations that are differentiable: no rounding",
    )
    if isinstance(own, nn.Module):
        frozen = not any(parameter.requires_grad for parameter in own.parameters())
        require(frozen, "its weights get gradients too", "requires_grad_(False), as impasto.encoder(name) does it")


def works_under_autocast(subject: str | Encoder) -> None:
    """In bfloat16 its features are nearly those of float32."""
    own = encoder_of(subject)
    image = pictures(own)
    layers = list(style_layers(own))
    exact = own.features(image, layers)
    with torch.autocast("cpu", torch.bfloat16), works("computing in bfloat16", "no tensors of a fixed type in it"):
        rough = own.features(image, layers)
    for layer, x in exact.items():
        error = float((rough[layer].float() - x).norm() / x.norm().clamp_min(1e-6))
        require(error < 0.1, f"{layer} is {error:.0%} away in bfloat16", "sums of many numbers in float32")


def refuses_a_layer_that_it_lacks(subject: str | Encoder) -> None:
    """Another name is a LookupError that says which it has."""
    own = encoder_of(subject)
    advice = f"raise LookupError: has no layer called 'no-such-layer', it has: {', '.join(list(own.layers)[:3])} …"
    try:
        own.features(pictures(own), ["no-such-layer"])
    except LookupError as error:
        require("no-such-layer" in str(error) and any(layer in str(error) for layer in own.layers), str(error), advice)
    except Exception as error:
        raise AssertionError(f"it fails with {type(error).__name__}: {error}\n  what would work: {advice}") from error
    else:
        raise AssertionError(f"it takes a layer called 'no-such-layer'\n  what would work: {advice}")


def looks_no_farther_than_it_says(subject: str | Encoder) -> None:
    """Where it states a radius, features depend on no pixel beyond; tiles of large pictures would show it."""
    own = encoder_of(subject)
    near = [layer for layer in own.layers if (radius_of(own, [layer]) or WIDEST + 1) <= WIDEST]
    if not near:
        raise SkipTest("it states no radius, or one too large to look at; without one, pictures are never cut")
    for layer in near:
        radius, stride = radius_of(own, [layer]) or 0, own.strides[layer]
        middle = radius // stride + 2
        side = (2 * middle + 1) * stride
        image = picture(side, side, 0.5).requires_grad_()
        with torch.enable_grad():
            loss = own.features(image, [layer])[layer][0, :, middle, middle].square().sum()
            (gradient,) = torch.autograd.grad(loss, image)
        seen = gradient[0].abs().sum(0).nonzero()
        first, last = middle * stride, (middle + 1) * stride - 1
        farthest = max(int((first - seen).max()), int((seen - last).max())) if len(seen) else 0
        require(
            farthest <= radius,
            f"{layer} looks {farthest} pixels beyond its position, and radius([{layer!r}]) is {radius}",
            f"a radius of {farthest} or more; or none, and pictures are never cut",
        )


def goes_deeper_as_it_does_itself(subject: str | Encoder) -> None:
    """Where it has `deeper`, that gives the features of the deeper layer."""
    own = encoder_of(subject)
    deeper = getattr(own, "deeper", None)
    layers = style_layers(own)
    if deeper is None or len(layers) < 2:
        raise SkipTest("it has no deeper(features, layer, deeper), which deep image analogy would solve by")
    found = own.features(pictures(own), list(layers))
    for layer, below in pairwise(layers):
        require(
            close(deeper(found[layer], layer, below), found[below]),
            f"deeper(features, {layer!r}, {below!r}) is not what features gives at {below}",
            "the same operations as in features",
        )


ENCODER_CHECKS = (
    says_what_its_layers_are,
    gives_features_of_the_size_it_states,
    gives_a_layer_alone_as_among_others,
    sees_each_picture_of_a_batch_alone,
    passes_gradients_to_the_picture,
    works_under_autocast,
    refuses_a_layer_that_it_lacks,
    looks_no_farther_than_it_says,
    goes_deeper_as_it_does_itself,
)
"""Every check of encoders, in the order in which they are run."""


# ------------------------------------------------------------------------------------------------------------ decoders


def takes_what_its_encoder_gives(subject: tuple[str | Decoder, str | Encoder]) -> None:
    """Its layers are the encoder's, the deepest first, with as many channels."""
    own, encoder = pair_of(subject)
    layers = list(own.layers)
    unknown = [layer for layer in layers if layer not in encoder.channels]
    require(layers and not unknown, f"layers = {own.layers!r}", f"layers of {encoder.name}, its own first")
    deepest = max(layers, key=list(encoder.layers).index)
    require(layers[0] == deepest, f"its first layer is {layers[0]}, and {deepest} is deeper", "the deepest first")
    for layer in layers:
        require(
            own.channels.get(layer) == encoder.channels[layer],
            f"channels of {layer}: {own.channels.get(layer)}, and {encoder.name} gives {encoder.channels[layer]}",
            "as many as the encoder has",
        )


def paints_as_large_as_the_picture(subject: tuple[str | Decoder, str | Encoder]) -> None:
    """From the features of a picture whose sides are multiples of its stride comes a picture of that size, finite."""
    own, encoder = pair_of(subject)
    stride = encoder.strides[own.layers[0]]
    height, width = (max(2, side // stride) * stride for side in SIDES)
    image = torch.cat([picture(height, width, 0.0), picture(height, width, 1.0)])
    with works("painting from the features of a picture", "a call with the features of all its layers, by name"):
        painted = own(encoder.features(image, list(own.layers)))
    require(
        painted.shape == image.shape, f"of a picture {tuple(image.shape)} comes {tuple(painted.shape)}", "the same size"
    )
    require(bool(painted.isfinite().all()), "it paints values that are not finite", "about [0, 1]")
    alone = own(encoder.features(image[:1], list(own.layers)))
    require(close(alone, painted[:1]), "a picture depends on the other one of its batch", "no mean over the batch")


def comes_nearer_to_the_picture_than_grey(subject: tuple[str | Decoder, str | Encoder]) -> None:
    """What it paints of a picture's own features is nearer to the picture than its mean colour is."""
    own, encoder = pair_of(subject)
    stride = encoder.strides[own.layers[0]]
    image = picture(12 * stride, 16 * stride, 0.5)
    painted = own(encoder.features(image, list(own.layers))).float()
    error, plain = ((other - image).square().mean() for other in (painted, image.mean((2, 3), keepdim=True)))
    require(
        bool(error < plain),
        f"its mean squared error is {error:.3f}, and that of the picture's mean colour {plain:.3f}",
        "weights that were trained with this encoder; colours in [0, 1]",
    )


DECODER_CHECKS = (takes_what_its_encoder_gives, paints_as_large_as_the_picture, comes_nearer_to_the_picture_than_grey)
"""Every check of decoders, in the order in which they are run."""
