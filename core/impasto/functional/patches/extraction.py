"""Patches of maps as columns, their lengths, and values looked up at positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor

Maps: TypeAlias = Tensor | Sequence[Tensor]
"""One map (B, C, h, w), or several that may differ in size."""

TINY = 1e-12


def extract(maps: Tensor, patch: int, stride: int = 1) -> Tensor:
    """Return the patches of maps as columns, the borders repeated outwards so that every position is a middle.

    Args:
        maps: (B, C, H, W).
        patch: side of the patches in positions, odd.
        stride: from middle to middle, in positions.

    Returns:
        (B, C · patch · patch, N), where N = ⌈H / stride⌉ · ⌈W / stride⌉.

    Raises:
        ValueError: the side of the patches is even.

    Example:
        >>> import torch
        >>> extract(torch.arange(6.0).view(1, 1, 2, 3), 3)[0, :, 0].tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 3.0, 3.0, 4.0]
    """
    return F.unfold(padded(maps, patch), patch, stride=stride)


def padded(maps: Tensor, patch: int) -> Tensor:
    """Return maps (B, C, H, W) with as much border repeated as patches of this side reach out."""
    if patch < 1 or patch % 2 == 0:
        raise ValueError(
            f"patches: the side of a patch is {patch}, but a patch with a middle has an odd one\n"
            "  what would work: patch=3, or 1, 5, 7 …"
        )
    return F.pad(maps, (patch // 2,) * 4, mode="replicate")


def patch_norms(maps: Tensor, patch: int) -> Tensor:
    """Return the Euclidean norm of the patch around each position of maps (B, C, H, W), as (B, 1, H, W)."""
    energy = padded(maps.square().sum(1, keepdim=True), patch)
    return (F.avg_pool2d(energy, patch, stride=1) * patch**2).sqrt()


def values_at(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the values (B, C, …) of maps (1 or B, C, h, w) at rows and columns (B, …), clamped into them."""
    height, width = maps.shape[-2:]
    index = (rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)).flatten(1)
    flat = maps.flatten(2).expand(len(rows), -1, -1)
    return flat.gather(2, index[:, None].expand(-1, flat.shape[1], -1)).view(*flat.shape[:2], *rows.shape[1:])


def strided_slice(first: int, count: int, stride: int) -> slice:
    """Return the slice of so many positions from the first on, `stride` apart."""
    return slice(first, first + (count - 1) * stride + 1, stride)
