"""Strokes at the size that they are to have: styles, or the content under a network that knows its style, resized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil

import torch.nn.functional as F
from torch import Tensor

from ..functional.resizing import Size, resample, resize, size_of
from .canvas import Style
from .context import remember
from .memory import check_memory_of
from .stylizer import Stylizer


def resized_style(style: Style, size: Size, scale: float = 1.0, multiple: int = 1, smallest: int = 0) -> Style:
    """Return a style at the area of a picture times `scale` squared.

    Its strokes then have the size that the style's proportions give them in that picture.  A style that is smaller is
    enlarged by `scale` at most, and so not at all at 1: that teaches its blur, and has to be asked for.

    Args:
        style: a picture of any size, and its guides.
        size: height and width of the picture.
        scale: length of a stroke, 1 as in a style of the picture's area.
        multiple: sides are filled up to a multiple of this by repeating the border, as the content's are: pooling would
            leave nothing of a few pixels.
        smallest: pixels that the shorter side keeps.

    Example:
        >>> import impasto
        >>> mosaic = impasto.Style(impasto.samples.style("mosaic", 64))
        >>> resized_style(mosaic, (32, 32), 0.5).image.shape
        torch.Size([1, 3, 16, 16])
    """
    height, width = size_of(style.image)
    factor = scale * (size[0] * size[1] / (height * width)) ** 0.5
    factor = min(max(1.0, scale), max(factor, smallest / min(height, width)))
    goal = (max(1, round(height * factor)), max(1, round(width * factor)))
    fill = (0, -goal[1] % multiple, 0, -goal[0] % multiple)

    def scaled(maps: Tensor) -> Tensor:
        maps = maps if goal == (height, width) else resize(maps, goal)
        return F.pad(maps, fill, mode="replicate") if any(fill) else maps

    return style.replace(image=scaled(style.image), guides=None if style.guides is None else scaled(style.guides))


def resized_styles(
    styles: Sequence[Style], content: Tensor, scale: float = 1.0, multiple: int = 1, padding: int = 0
) -> list[Style]:
    """Return styles at the area of a picture times `scale` squared, each once for all frames of a stream.

    Args:
        styles: see `resized_style`.
        content: (B, 3, H, W), the picture.
        scale: length of a stroke, 1 as in a style of the picture's area.
        multiple: of pixels, to which sides are filled up.
        padding: pixels on each side by which the picture is continued (`Stylizer.reflection_padding`), which do not
            count.

    Example:
        >>> import impasto, torch
        >>> mosaic = impasto.Style(impasto.samples.style("mosaic", 64))
        >>> [style.image.shape[-1] for style in resized_styles([mosaic, mosaic], torch.rand(1, 3, 32, 32), multiple=8)]
        [32, 32]
    """
    height, width = size_of(content)
    how = ((height - 2 * padding, width - 2 * padding), scale, multiple)
    return [remember(style, ("resized", *how), partial(resized_style, style, *how)) for style in styles]


def painted_at_scale(stage: Stylizer, paint: Callable[[Tensor], Tensor], content: Tensor, scale: float = 1.0) -> Tensor:
    """Return what a network paints whose strokes have one length, with strokes `scale` times as long.

    It paints the content at another size, and the painting is brought back: longer strokes are softer, and finer ones
    cost the time of a larger picture.  A smaller picture is continued as in a mirror until the network sees as much
    around it as at its own size (`Stylizer.reflection_padding`).

    Args:
        stage: gives the `multiple` of the sides, and the memory that a pixel takes.
        paint: from what `content` is at another size, (B, C, h, w), to the painted picture (B, 3, h, w).
        content: (B, C, H, W), sRGB in [0, 1], and maps that the network needs beside it, such as a mask.
        scale: length of a stroke, 1 as the network has learned it.

    Returns:
        (B, 3, H, W), sRGB about [0, 1].

    Raises:
        StageError: the larger picture that finer strokes need does not fit into memory.

    Example:
        >>> import impasto, torch
        >>> class Press(impasto.Stylizer, name="press"):
        ...     '''Press the picture into blocks.'''
        >>> sizes = []
        >>> def paint(image):
        ...     sizes.append(image.shape[-2:])
        ...     return image
        >>> painted_at_scale(Press(), paint, torch.rand(1, 3, 32, 48), 2.0).shape, sizes
        (torch.Size([1, 3, 32, 48]), [torch.Size([16, 24])])
    """
    if scale == 1:
        return paint(content)
    height, width = (max(1, round(side / scale / stage.multiple)) * stage.multiple for side in size_of(content))
    missing = max(0, ceil(stage.reflection_padding * (1 - 1 / scale) / stage.multiple) * stage.multiple)
    resized = resize(content, (height, width))
    around = F.pad(resized, 4 * (missing,), mode="reflect" if missing < min(height, width) else "replicate")
    check_memory_of(stage, around)
    inner = (..., slice(missing, missing + height), slice(missing, missing + width))
    return resample(paint(around)[inner].float(), size_of(content))
