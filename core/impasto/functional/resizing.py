"""Pictures and maps at another size."""

from __future__ import annotations

import re
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor

from .color import luma
from .filters import guided_filter

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


def resample_maps(maps: Tensor, size: Size) -> Tensor:
    """Return masks or guides at another size: bilinear, which keeps them in [0, 1] and their sum at 1.

    Args:
        maps: (B, K, H, W) in [0, 1].
        size: height and width.

    Example:
        >>> import torch
        >>> resample_maps(torch.full((1, 2, 40, 60), 0.5), (10, 15)).shape
        torch.Size([1, 2, 10, 15])
    """
    if size_of(maps) == size:
        return maps
    return F.interpolate(maps, size, mode="bilinear", antialias=True).clamp(0, 1)


def upsample_guided(
    painted: Tensor, content: Tensor, *, radius: int = 2, eps: float = 1e-3, texture: float = 1.0, detail: float = 0.5
) -> Tensor:
    """Enlarge a painted picture to the size of its content, with edges where the content has them.

    The fast guided filter (He and Sun 2015), to which what it loses of the painting is added back by one
    step of back-projection (Irani and Peleg 1991).

    Args:
        painted: (B, 3, h, w) in [0, 1].
        content: (B, 3, H, W) in [0, 1], what was painted, in full size.
        radius: of the filter's window, in pixels of `painted`.
        eps: variance of the content below which a window counts as smooth.
        texture: share of what the filter takes for texture of the painting that is kept, 0 to 1.
        detail: share of the content's brightness detail, finer than `painted` can show, that is added.

    Returns:
        (B, 3, H, W), not clipped.

    Example:
        >>> import torch
        >>> upsample_guided(torch.rand(1, 3, 10, 15), torch.rand(1, 3, 40, 60)).shape
        torch.Size([1, 3, 40, 60])
    """
    small, size = size_of(painted), size_of(content)
    factor = max(1.0, size[0] / small[0], size[1] / small[1])
    enlarged = guided_filter(resample(painted, size), content, round(radius * factor), eps, round(factor))
    if detail:
        brightness = luma(content)
        enlarged = enlarged + detail * (brightness - resample(resample(brightness, small), size))
    if texture:
        enlarged = enlarged + texture * resample(painted - resample(enlarged, small), size)
    return enlarged


def size_within(size: Size, side: int, shortest: int = 0) -> Size:
    """Return a size shrunk until its longer side has `side` pixels at most; never enlarged.

    Args:
        size: height and width.
        side: pixels of the longer side.
        shortest: pixels that the shorter side keeps, even if the longer one then has more.

    Example:
        >>> size_within((3024, 4032), 1024)
        (768, 1024)
    """
    scale = max(side / max(size), shortest / min(size))
    return size if scale >= 1 else (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


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
    size = size_within(size_of(image), side, shortest)
    return image if size == size_of(image) else resize(image, size)


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
