"""A metric of the border: whether a method paints a frame around the picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..resizing import size_of

RING = 12
"""Width in pixels of the ring along the border, and of the next one inside."""


def border_frame(result: Tensor, content: Tensor) -> Tensor:
    """Return how much darker, lighter or otherwise coloured a ring along the border is than the ring inside it.

    Networks that see zeros beyond the border paint a frame.  What was changed, result less content, is averaged along
    each side over the outer 12 pixels and over the next 12; the measure is the mean absolute difference of the two,
    over sides and channels.  Of pictures below 48 pixels the rings are a quarter as wide as the shorter side.

    Args:
        result: (B, 3, H, W) in [0, 1].
        content: (B, 3, H, W) in [0, 1].

    Returns:
        (B,), in levels of 8 bits: 0 is no frame.

    Example:
        >>> result = torch.zeros(1, 3, 64, 64)
        >>> result[..., :12, :] = 0.2
        >>> border_frame(result, torch.zeros(1, 3, 64, 64)).round(decimals=2)
        tensor([12.7500])
    """
    change = result.float() - content.float()
    width = max(1, min(RING, min(size_of(change)) // 4))
    steps = []
    for turned in range(4):
        side = change.rot90(turned, (2, 3))[..., width:-width] if min(size_of(change)) > 2 * width else change
        outer, inner = side[..., :width, :], side[..., width : 2 * width, :]
        steps.append((outer.mean((2, 3)) - inner.mean((2, 3))).abs())
    return 255 * torch.stack(steps).mean((0, 2))
