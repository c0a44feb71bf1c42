"""A metric of the border: whether a method paints a frame around the picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..resizing import size_of, size_text

WIDTH, RINGS = 12, 6
"""Width of a ring in pixels, and how many lie one in another."""


def border_frame(result: Tensor, content: Tensor) -> Tensor:
    """Return how much more the change steps at the border than inside: the frame that networks paint.

    Networks that see zeros beyond the border paint one.  What was changed, result less content, is averaged along each
    side over rings of 12 pixels: the outer ring, the next, and four more.  The measure is the absolute difference of
    the first two, a mean over sides and channels, less the same of the four pairs further in, which is what strokes
    make; 0 where it is below.  Of pictures below 144 pixels the rings are a twelfth as wide as the shorter side.

    Args:
        result: (B, 3, H, W) in [0, 1], at least 12×12.
        content: (B, 3, H, W) in [0, 1].

    Returns:
        (B,), in levels of 8 bits: 0 is no frame.

    Raises:
        ValueError: smaller pictures.

    Example:
        >>> result = torch.zeros(1, 3, 144, 144)
        >>> result[..., :12, :] = 0.2
        >>> border_frame(result, torch.zeros(1, 3, 144, 144)).round(decimals=2)
        tensor([12.7500])
    """
    width = min(WIDTH, min(size_of(result)) // (2 * RINGS))
    if width < 1:
        raise ValueError(f"border needs pictures of at least 12×12, found {size_text(size_of(result))}")
    change = result.float() - content.float()
    steps = torch.zeros(RINGS - 1, len(change), device=change.device)
    for turned in range(4):
        side = change.rot90(turned, (2, 3))[..., width:-width]
        rings = torch.stack([side[..., i * width : (i + 1) * width, :].mean((2, 3)) for i in range(RINGS)])
        steps += rings.diff(dim=0).abs().mean(2) / 4
    return 255 * (steps[0] - steps[1:].mean(0)).clamp_min(0)
