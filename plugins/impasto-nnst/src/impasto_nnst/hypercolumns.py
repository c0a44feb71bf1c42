"""Hypercolumns: what all layers of an encoder have at a place, as one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Encoder
from impasto.functional.resizing import Size, size_of

GRID = 4
"""Pixels from one hypercolumn to the next, as in the paper, where an encoder has a layer of this stride."""
TINY = 1e-12


def grid_layer(encoder: Encoder, layers: Sequence[str]) -> str:
    """Return the layer whose positions hypercolumns stand at: the coarsest of those no coarser than `GRID`.

    Example:
        >>> import impasto
        >>> grid_layer(impasto.encoder("slim19"), ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
        'relu3_1'
    """
    fine = [layer for layer in layers if encoder.strides[layer] <= GRID]
    if not fine:
        return min(layers, key=lambda layer: encoder.strides[layer])
    return max(fine, key=lambda layer: encoder.strides[layer])


def layer_lengths(features: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the root mean square length of the vectors of each layer over several pictures.

    Args:
        features: (1, C, h, w) by layer, of each picture.

    Example:
        >>> import torch
        >>> layer_lengths([{"relu1_1": torch.ones(1, 4, 8, 8)}])
        {'relu1_1': tensor(2.)}
    """
    return {
        layer: torch.cat([maps[layer].square().sum(1).flatten() for maps in features]).mean().sqrt().clamp_min(TINY)
        for layer in features[0]
    }


def hypercolumns(features: Mapping[str, Tensor], lengths: Mapping[str, Tensor], size: Size) -> Tensor:
    """Return all layers over each other at one size, each divided by its length, so that all count alike.

    Args:
        features: (1, C, h, w) by layer.
        lengths: of each layer's vectors, see `layer_lengths`.
        size: height and width of the result; finer maps are averaged, coarser ones interpolated.

    Returns:
        (1, the sum of C, height, width).

    Example:
        >>> import torch
        >>> features = {"fine": torch.rand(1, 4, 16, 16), "coarse": torch.rand(1, 8, 4, 4)}
        >>> hypercolumns(features, layer_lengths([features]), (8, 8)).shape
        torch.Size([1, 12, 8, 8])
    """
    maps = []
    for layer, length in lengths.items():
        values = features[layer] / length
        if size_of(values) != size:
            finer = values.shape[-2] >= size[0] and values.shape[-1] >= size[1]
            values = F.adaptive_avg_pool2d(values, size) if finer else F.interpolate(values, size, mode="bilinear")
        maps.append(values)
    return torch.cat(maps, 1)


def centres(maps: Tensor, guides: Tensor) -> Tensor:
    """Return the mean of the region that each position belongs to, (1, C, h, w).

    Args:
        maps: (1, C, h, w).
        guides: (1, K, h, w) in [0, 1]; what they leave free is a region too.

    Example:
        >>> import torch
        >>> halves = torch.tensor([[1.0, 1.0, 0.0, 0.0]]).expand(1, 1, 4, 4)
        >>> centres(torch.arange(4.0).expand(1, 1, 4, 4), halves)[0, 0, 0].tolist()
        [0.5, 0.5, 2.5, 2.5]
    """
    rest = (1 - guides.sum(1, keepdim=True)).clamp_min(0)
    shares = torch.cat([guides, rest], 1)
    shares = shares / shares.sum(1, keepdim=True).clamp_min(TINY)
    weights = shares / shares.sum((2, 3), keepdim=True).clamp_min(TINY)
    means = torch.einsum("bchw,bkhw->bck", maps, weights)
    return torch.einsum("bck,bkhw->bchw", means, shares)
