"""Pictures and maps of a batch, one by one."""

from __future__ import annotations

from torch import Tensor


def batch_item(maps: Tensor, index: int) -> Tensor:
    """Return the picture or map (1, C, H, W) that goes with one picture of a batch; a single one goes with all.

    Args:
        maps: (1 or B, C, H, W).
        index: of the picture, from 0.

    Example:
        >>> import torch
        >>> styles = torch.rand(1, 3, 8, 8)
        >>> torch.equal(batch_item(styles, 5), styles)
        True
    """
    return maps if len(maps) == 1 else maps[index : index + 1]
