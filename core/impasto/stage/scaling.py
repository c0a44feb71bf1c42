"""Styles at the size that their strokes are to have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from ..functional.resizing import Size, resize, size_of
from .canvas import Style
from .context import remember


def resized_style(style: Style, size: Size, scale: float = 1.0, multiple: int = 1, smallest: int = 0) -> Style:
    """Return a style shrunk to the area of a picture times `scale` squared; never enlarged, which would teach its blur.

    Its strokes then have the size that the style's proportions give them in that picture.

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
    factor = min(1.0, max(factor, smallest / min(height, width)))
    goal = (max(1, round(height * factor)), max(1, round(width * factor)))
    fill = (0, -goal[1] % multiple, 0, -goal[0] % multiple)

    def scaled(maps: Tensor) -> Tensor:
        maps = maps if goal == (height, width) else resize(maps, goal)
        return F.pad(maps, fill, mode="replicate") if any(fill) else maps

    return style.replace(image=scaled(style.image), guides=None if style.guides is None else scaled(style.guides))


def resized_styles(
    styles: Sequence[Style], content: Tensor, scale: float = 1.0, multiple: int = 1, padding: int = 0
) -> list[Style]:
    """Return styles shrunk to the area of a picture times `scale` squared, each once for all frames of a stream.

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
