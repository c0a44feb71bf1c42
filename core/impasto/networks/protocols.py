"""What an encoder and a decoder are to the methods that use them: any network that has these members will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from ..errors import StageError, quoted, suggestion


@runtime_checkable
class Encoder(Protocol):
    """Give the features of pictures by layer name: VGG-19 (`VGGEncoder`), or any other network with these members.

    An encoder may have more, by which methods serve it better:

    - `radius(layers) -> int`: how far, in pixels, features of these layers look. Without it, feed-forward methods
      take a picture whole, never in tiles.
    - `style_layers`: names, shallow to deep, one for each size of forms, where stages measure style unless they are
      told where. Without it, all layers.
    - `content_layer`: the name of the layer where they compare content. Without it, the deepest of those.
    - `deeper(features, layer, deeper) -> Tensor`: the features of a deeper layer that follow from those of a layer,
      differentiable. Without it, deep image analogy solves for nothing between layers.
    - `memory(layers, pixels, bytes_each) -> int`: bytes that features of so many pixels take with their gradients.
      Without it, they are estimated from channels and strides.

    A plugin offers one by the hook `impasto_encoders`, `impasto.testing.check_encoder` checks it, and
    `impasto.encoder(name)` freezes it.

    Example:
        >>> import torch
        >>> from torch.nn.functional import avg_pool2d
        >>> class Squares:
        ...     name, layers = "squares", ("fine", "coarse")
        ...     channels, strides = {"fine": 3, "coarse": 3}, {"fine": 1, "coarse": 4}
        ...     def features(self, image, layers):
        ...         return {layer: avg_pool2d(image, self.strides[layer]) for layer in layers}
        >>> isinstance(Squares(), Encoder)
        True
        >>> Squares().features(torch.rand(1, 3, 32, 48), ["coarse"])["coarse"].shape
        torch.Size([1, 3, 8, 12])
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def layers(self) -> Sequence[str]:
        """Every layer's name, shallow to deep."""

    @property
    def channels(self) -> Mapping[str, int]:
        """The number of channels of each layer."""

    @property
    def strides(self) -> Mapping[str, int]:
        """How many pixels lie between positions of each layer, down and across."""

    def features(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the features of a picture by layer.

        Args:
            image: (B, 3, H, W), float32 sRGB in [0, 1]; what the network needs else is done inside.  Their scale does
                not matter, since losses are relative, but each channel should lie around 0 or begin there, as behind a
                ReLU: `mrf` and `analogy` correlate patches and take no mean off.
            layers: names among `layers`.

        Returns:
            (B, C, H // stride, W // stride) by layer, in the order asked for; gradients flow to the picture.

        Raises:
            LookupError: a layer that it lacks.
            ValueError: a picture too small for a layer.
        """


@runtime_checkable
class Decoder(Protocol):
    """Paint pictures from the features of an encoder's layers: VGG's plan in reverse (`VGGDecoder`), or any other.

    It may have `radius`, how far in pixels what it paints depends on features; without it, a picture is painted whole,
    never in tiles.  A plugin offers one by the hook `impasto_decoders`, `impasto.testing.check_decoder` checks it, and
    `impasto.decoder(name)` freezes it.

    Example:
        >>> import impasto
        >>> isinstance(impasto.networks.VGGDecoder((4, 8), "relu2_1"), Decoder)
        True
    """

    @property
    def layers(self) -> Sequence[str]:
        """The layers whose features it takes, its own first: the deepest, which methods change."""

    @property
    def channels(self) -> Mapping[str, int]:
        """The number of channels of each of those."""

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return pictures (B, 3, H, W), sRGB about [0, 1], from the features (B, C, h, w) of all its layers."""


# --------------------------------------------------------------------------------------- what an encoder need not have


def style_layers(encoder: Encoder) -> tuple[str, ...]:
    """Return where an encoder's style is measured, shallow to deep: its `style_layers`, or all its layers.

    Example:
        >>> import impasto
        >>> style_layers(impasto.encoder("slim19"))
        ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1')
    """
    return tuple(getattr(encoder, "style_layers", encoder.layers))


def content_layer(encoder: Encoder) -> str:
    """Return where an encoder's content is compared: its `content_layer`, or the deepest of its style layers.

    Example:
        >>> import impasto
        >>> content_layer(impasto.encoder("slim19"))
        'relu4_1'
    """
    return str(getattr(encoder, "content_layer", style_layers(encoder)[-1]))


def loss_layers(encoder: Encoder) -> tuple[str, ...]:
    """Return the style layers of an encoder down to its content layer: those of perceptual losses and of patches.

    Example:
        >>> import impasto
        >>> loss_layers(impasto.encoder("slim19"))
        ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1')
    """
    content = content_layer(encoder)
    above = encoder.layers[: encoder.layers.index(content)]
    return (*(layer for layer in style_layers(encoder) if layer in above), content)


def largest_stride(encoder: Encoder, layers: Sequence[str]) -> int:
    """Return how many pixels lie between positions of the coarsest of some layers.

    Args:
        encoder: has the layers.
        layers: one or several of its layers.

    Example:
        >>> import impasto
        >>> largest_stride(impasto.encoder("slim19"), ["relu1_1", "relu3_1"])
        4
    """
    return max(encoder.strides[layer] for layer in layers)


def radius_of(network: Encoder | Decoder, layers: Sequence[str]) -> int | None:
    """Return how far, in pixels, an encoder or a decoder looks; None where it does not say.

    Args:
        network: with a `radius`, or without.
        layers: of an encoder; a decoder looks as far for all.

    Example:
        >>> import impasto
        >>> radius_of(impasto.encoder("slim19"), ["relu1_1", "relu2_1"])
        4
    """
    radius = getattr(network, "radius", None)
    if radius is None or isinstance(radius, int):
        return radius
    return int(radius(layers))


def encoder_memory(encoder: Encoder, layers: Sequence[str], pixels: int, bytes_each: int) -> int:
    """Return about how many bytes the features of a picture take, with what their gradients need.

    Args:
        encoder: gives the features.
        layers: of the encoder; shallower ones are on the way.
        pixels: of the picture.
        bytes_each: of a number: 4 of float32, 2 of bfloat16.

    Example:
        >>> import impasto
        >>> encoder_memory(impasto.encoder("slim19"), ["relu3_1"], 1024 * 1024, 4) > 1024 * 1024 * 16 * 4
        True
    """
    memory = getattr(encoder, "memory", None)
    if memory is not None:
        return int(memory(layers, pixels, bytes_each))
    on_the_way = encoder.layers[: max(encoder.layers.index(layer) for layer in layers) + 1]
    values = [encoder.channels[layer] * pixels // encoder.strides[layer] ** 2 for layer in on_the_way]
    return sum(values) * 2 * bytes_each + max(values) * (4 + 2 * bytes_each)


def check_layers(who: str, encoder: Encoder, layers: Sequence[str], parameter: str) -> None:
    """Refuse layers that an encoder lacks.

    Args:
        who: begins the message, such as a stage's name.
        encoder: which should have them.
        layers: that were asked for.
        parameter: which asked, such as `style_layers`; left empty it takes what suits the encoder.

    Raises:
        StageError: says which layers it has.

    Example:
        >>> import impasto
        >>> check_layers("gatys", impasto.encoder("slim19"), ["relu1_1", "relu3_1"], "style_layers")
    """
    for layer in layers:
        if layer not in encoder.channels:
            raise StageError(
                f"{who}: {parameter} asks for {quoted(layer)}, and the encoder {encoder.name} has no such layer\n"
                f"  it has: {', '.join(encoder.layers)}{suggestion(layer, encoder.layers)}\n"
                f"  what would work: some of these; or {parameter} left empty, which takes what suits the encoder"
            )
