"""Layers of an encoder, and the pixels under their positions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

SURFACE = "relu1_1"
"""The layer in which the surface of the paint is compared: it sees a pixel and its neighbours."""


def pixels_per_position(layer: str) -> int:
    """Return how many pixels a position of a layer spans along either side.

    Example:
        >>> pixels_per_position("relu3_1")
        4
    """
    return 1 << (int(layer[4]) - 1)


def pixel_blocks(maps: Tensor, side: int) -> Tensor:
    """Return maps (1, C, H, W) with squares of so many positions as channels, (1, C·side², H // side, W // side)."""
    height, width = (length // side * side for length in maps.shape[-2:])
    return F.pixel_unshuffle(maps[..., :height, :width], side)
