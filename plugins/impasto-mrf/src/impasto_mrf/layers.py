"""Layers of an encoder, and the positions of its shallowest that lie under those of another."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from impasto import Encoder, StageError
from impasto.networks import style_layers


def surface_layer(encoder: Encoder) -> str:
    """Return the layer in which the surface of the paint is compared: relu1_1 of VGG, a pixel and its neighbours.

    Example:
        >>> import impasto
        >>> surface_layer(impasto.encoder("slim19"))
        'relu1_1'
    """
    return style_layers(encoder)[0]


def surface_side(encoder: Encoder, layer: str) -> int:
    """Return how many positions of the surface lie along a side of one position of a layer.

    Raises:
        StageError: no whole number of them.

    Example:
        >>> import impasto
        >>> surface_side(impasto.encoder("slim19"), "relu3_1")
        4
    """
    surface = surface_layer(encoder)
    side, rest = divmod(encoder.strides[layer], encoder.strides[surface])
    if rest:
        raise StageError(
            f"mrf: positions of {layer} are {encoder.strides[layer]} pixels wide and those of {surface},"
            f" where the encoder {encoder.name} sees the surface, {encoder.strides[surface]}\n"
            "  what would work: surface=0, which leaves it out; or other layers"
        )
    return side


def pixel_blocks(maps: Tensor, side: int) -> Tensor:
    """Return maps (1, C, H, W) with squares of so many positions as channels, (1, C·side², H // side, W // side)."""
    height, width = (length // side * side for length in maps.shape[-2:])
    return F.pixel_unshuffle(maps[..., :height, :width], side)
