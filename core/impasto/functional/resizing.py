"""Pictures and maps at another size."""

from __future__ import annotations

import re
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor

Size: TypeAlias = tuple[int, int]
"""Height and width."""


def resample(values: Tensor, size: Size) -> Tensor:
    """Return pictures at another size: bicubic (Keys 1981), antialiased where they shrink.

    Args:
        values: (B, C, H, W) float32.
        size: height and width.

    Returns:
        (B, C, height, width), not clipped: beside sharp edges values overshoot.

    Example:
        >>> import torch
        >>> resample(torch.rand(1, 3, 40, 60), (10, 15)).shape
        torch.Size([1, 3, 10, 15])
    """
    if size_of(values) == tuple(size):
        return values
    return F.interpolate(values, size, mode="bicubic", antialias=True)


def resize(image: Tensor, size: Size) -> Tensor:
    """Return pictures (B, C, H, W), or maps, at another size and within [0, 1]: `resample`, clipped.

    Args:
        image: (B, C, H, W) float32 in [0, 1].
        size: height and width.

    Example:
        >>> import torch
        >>> resize(torch.rand(1, 3, 40, 60), (10, 15)).shape
        torch.Size([1, 3, 10, 15])
    """
    return resample(image, size).clamp(0, 1)


def fit_within(image: Tensor, side: int, shortest: int = 0) -> Tensor:
    """Return pictures shrunk until their longer side has `side` pixels at most; never enlarged.

    Args:
        image: (B, C, H, W) float32 in [0, 1].
        side: pixels of the longer side.
        shortest: pixels that the shorter side keeps, even if the longer one then has more.

    Example:
        >>> import torch
        >>> fit_within(torch.rand(1, 3, 40, 60), 30).shape
        torch.Size([1, 3, 20, 30])
    """
    height, width = size_of(image)
    scale = max(side / max(height, width), shortest / min(height, width))
    if scale >= 1:
        return image
    return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def size_of(maps: Tensor) -> Size:
    """Return height and width of pictures or maps (…, H, W).

    Example:
        >>> import torch
        >>> size_of(torch.zeros(1, 3, 48, 64))
        (48, 64)
    """
    return maps.shape[-2], maps.shape[-1]


def size_text(size: Size) -> str:
    """Return a size as people read it, width first.

    Example:
        >>> size_text((256, 384))
        '384×256'
    """
    return f"{size[1]}×{size[0]}"


def parse_size(text: str) -> Size:
    """Return the size that people write, width first.

    Args:
        text: such as `1024x768`.

    Raises:
        ValueError: it is none.

    Example:
        >>> parse_size("1024x768")
        (768, 1024)
    """
    found = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*", text)
    if found is None:
        raise ValueError(f"{text!r} is no size\n  what would work: width and height in pixels, such as 1024x768")
    width, height = map(int, found.groups())
    return height, width
