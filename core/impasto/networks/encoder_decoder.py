"""An encoder and the decoder that was trained for it: what stages that use both have to look after."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import ParameterError, StageError, quoted
from .decoder_checkpoints import load_decoders
from .encoders import encoder
from .protocols import Decoder, Encoder
from .vgg import VGG, Padding
from .vgg_decoder import VGGDecoder
from .vgg_encoder import VGGEncoder


def require_decoder(stage: str, encoder: str, decoder: str, example: str, training: str) -> None:
    """Refuse an encoder other than slim19, whose decoders ship, without a decoder of its own.

    Args:
        stage: its name, which begins the message.
        encoder: as the stage was given it: a name or a path.
        decoder: likewise; empty stands for the decoder that ships.
        example: how to give one to the stage, such as `AdaIN(encoder='vgg19', decoder='decoder.pth')`.
        training: how to train one, such as `impasto train adain-decoder --encoder vgg19`.

    Raises:
        ParameterError: it is refused.

    Example:
        >>> require_decoder("mine", "slim19", "", "Mine(encoder='vgg19', decoder='d.pth')", "impasto train mine")
    """
    if encoder == "slim19" or decoder:
        return
    raise ParameterError(
        f"{stage}: encoder = {quoted(encoder)} needs a decoder that was trained for it\n"
        f"  what would work: one made by {training}\n  what to type: {example}"
    )


def check_pair(who: str, decoder: Decoder, encoder: Encoder) -> None:
    """Refuse a decoder that takes other channels than an encoder gives.

    Args:
        who: begins the message, such as `adain: the decoder my.pth`.
        decoder: which paints.
        encoder: which gives the features.

    Raises:
        StageError: they do not go together; the message says where.

    Example:
        >>> import impasto
        >>> from impasto.networks import VGGDecoder
        >>> encoder = impasto.encoder("slim19")
        >>> check_pair("mine", VGGDecoder((16, 32, 64), "relu3_1"), encoder)
    """
    for layer, channels in decoder.channels.items():
        if channels != encoder.channels.get(layer):
            raise StageError(
                f"{who} takes {channels} channels of {layer} and the encoder {encoder.name} gives"
                f" {encoder.channels.get(layer, 'none')}\n"
                "  what would work: the decoder that was trained with this encoder"
            )


def starting_decoders(trainer: str, path: str, encoder: Encoder, layer: str = "") -> dict[str, VGGDecoder]:
    """Return the decoders of a file that a training goes on from, by layer.

    Args:
        trainer: its name, which begins messages.
        path: see `load_decoders`.
        encoder: that they decode.
        layer: one for this layer is needed; empty: any will do.

    Raises:
        ParameterError: there is none for the layer.
        StageError: one takes other channels than the encoder gives.
        WeightsError: see `load_decoders`.

    Example:
        >>> import impasto, tempfile, torch
        >>> path = tempfile.mkdtemp() + "/decoder.pth"
        >>> torch.save(impasto.networks.VGGDecoder((16, 32), "relu2_1").state_dict(), path)
        >>> list(starting_decoders("mine", path, impasto.encoder("slim19")))
        ['relu2_1']
    """
    by_layer = load_decoders(path)
    if layer and layer not in by_layer:
        raise ParameterError(
            f"{trainer}: {path} holds no decoder for {layer} to start from\n  it has: {', '.join(by_layer)}"
        )
    for own, decoder in by_layer.items():
        if layer in ("", own):
            check_pair(f"{trainer}: the decoder for {own} in {path}", decoder, encoder)
    return by_layer


def encoder_for_checkpoint(name: str, device: torch.device) -> Encoder:
    """Return an encoder; one of VGG's plan pads the picture as its network pads features, by reflection if so trained.

    Args:
        name: of an encoder, or the path of a checkpoint.
        device: where it computes.

    Raises:
        UnknownNameError: no encoder of this name, and no such file.
        WeightsError: a checkpoint that holds no VGG-19.

    Example:
        >>> encoder_for_checkpoint("slim19", torch.device("cpu")).name
        'slim19'
    """
    loaded = encoder(name, device=device)
    if not isinstance(loaded, VGGEncoder):
        return loaded
    padding = trained_padding(loaded.network)
    return loaded if padding == loaded.padding else encoder(name, padding=padding, device=device)


def trained_padding(network: VGG) -> Padding:
    """Return how to pad a picture for a network: by reflection where it pads its features so, else by repetition.

    Example:
        >>> from impasto.networks import load_slim19
        >>> trained_padding(load_slim19())
        'replicate'
    """
    first = network.get_submodule("conv1_1")
    assert isinstance(first, nn.Conv2d)
    return "reflect" if first.padding_mode == "reflect" else "replicate"
