"""Sample pictures that plugins offer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import PluginError, quoted
from ..host import get_host


def plugin_sample(name: str, size: int | tuple[int, int]) -> Tensor:
    """Return a picture (1, 3, H, W) that a plugin offers.

    Args:
        name: by which it is offered.
        size: the longer side in pixels, or (H, W), which is cut from the middle.

    Raises:
        UnknownNameError: no plugin offers it, or several do.
        PluginError: what the plugin gave back is no such picture.
    """
    if isinstance(size, int):
        return _drawn(name, size)
    picture = _drawn(name, max(size))
    grown = max(wanted / found for wanted, found in zip(size, picture.shape[2:], strict=True))
    return middle(picture if grown <= 1 else _drawn(name, math.ceil(max(size) * grown)), *size)


def _drawn(name: str, longer: int) -> Tensor:
    draw = get_host().sample(name)
    picture = draw(longer)
    good = isinstance(picture, Tensor) and picture.dtype == torch.float32 and picture.ndim == 4
    # A NaN is neither above 0 nor below 1.
    if not (
        good
        and picture.shape[:2] == (1, 3)
        and max(picture.shape[2:]) == longer
        and picture.numel()
        and bool(((picture >= 0) & (picture <= 1)).all())
    ):
        values = f", {picture.min():.3g} to {picture.max():.3g}" if good and picture.numel() else ""
        found = f"{tuple(picture.shape)} {picture.dtype}{values}" if isinstance(picture, Tensor) else quoted(picture)
        raise PluginError(
            f"{get_host().distribution(draw)}: its sample {name}, asked for {longer} pixels, gave back {found}\n"
            f"  what would work: a tensor (1, 3, H, W), float32 in [0, 1], whose longer side is {longer}"
        )
    return picture.contiguous()


def middle(picture: Tensor, height: int, width: int) -> Tensor:
    """Return the middle of a picture (B, C, H, W)."""
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    return picture[..., top : top + height, left : left + width].contiguous()
