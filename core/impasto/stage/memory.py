"""How much memory a stage takes for a picture, compared with what is free before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..device import free_memory
from ..errors import StageError
from ..functional.resizing import Size, size_of, size_text

if TYPE_CHECKING:
    from .base import Stage


def check_memory(
    name: str, needed: float, size: Size, device: torch.device, *, how: str = "", remedies: Sequence[str] = ()
) -> None:
    """Raise a `StageError` when a picture will not fit into the memory that is free, saying what would.

    Args:
        name: of the stage.
        needed: bytes that it takes at its peak, which grow with the area of the picture.
        size: height and width of the picture, in pixels.
        device: where it works.
        how: what else they depend on, such as " in float32".
        remedies: what would take less, beside a smaller picture.

    Example:
        >>> import torch
        >>> check_memory("fresco", 1e18, (3000, 4000), torch.device("cpu"))
        Traceback (most recent call last):
        ...
        impasto.errors.StageError: fresco: 4000×3000 pixels need about 1000000000.0 GB, and ... GB are free on cpu
        ...
    """
    free = free_memory(device)
    if free is None or needed <= free:
        return
    side = max(16, int(max(size) * (0.95 * max(free, 0) / needed) ** 0.5))
    raise StageError(
        f"{name}: {size_text(size)} pixels{how} need about {needed / 1e9:.1f} GB,"
        f" and {free / 1e9:.1f} GB are free on {device}\n"
        f"  what would work: {', '.join([*remedies, f'at most {side} pixels on the longer side'])},"
        f" as in pipe(..., size={side}), which brings the picture back"
    )


def check_memory_of(stage: Stage, image: Tensor) -> None:
    """Raise a `StageError` when a picture (B, 3, H, W) will not fit into memory, by what the stage says of itself."""
    if stage.bytes_per_pixel:
        height, width = size_of(image)
        check_memory(stage.name, stage.bytes_per_pixel * height * width, (height, width), image.device)
