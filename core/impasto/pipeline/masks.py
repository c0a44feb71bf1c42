"""Masks and guides of a run, read from pictures of the content's size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import PictureError
from ..functional.resizing import size_of, size_text
from ..picture import Picture, check_integers, check_levels, mask_values, read
from ..picture.arrays import tensor_copy

REST = "rest"
"""Label of what the regions given by name leave of a picture."""


def read_guides(guides: Any, content: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Return region maps (1 or B, K, H, W) that sum to 1, and their labels, from masks by label, where the content is.

    Where masks overlap they share; what none of them covers becomes one more region, `rest`.

    Raises:
        ValueError: a mask that selects nothing, is hardly one or has another size than the content; names its label.
        TypeError: neither masks by label nor a tensor.
    """
    if isinstance(guides, np.ndarray):
        guides = tensor_copy(guides)
    if guides is None or isinstance(guides, Tensor):
        if guides is None:
            return None, ()
        return guides.to(content.device, torch.float32 if guides.is_floating_point() else guides.dtype), ()
    if not isinstance(guides, Mapping):
        raise TypeError(
            f"guides: found {type(guides).__name__}\n  what would work: masks by label, or a tensor (B or 1, K, H, W)"
            " that sums to 1 over K\n  what to type: guides={'sky': 'sky.png'}"
        )
    maps = []
    for label, mask in guides.items():
        try:
            maps.append(read_mask(mask, content))
        except ValueError as error:
            raise ValueError(f"guides, region {label!r}: {error}") from error
        if not maps[-1].any():
            raise ValueError(f"guides, region {label!r}: the mask selects nothing\n  what would work: leave it out")
    if not maps:
        raise ValueError("guides: no region is named\n  what to type: guides={'sky': 'sky.png'}")
    batch = max(map(len, maps))
    stacked = torch.cat([one.expand(batch, -1, -1, -1) for one in maps], dim=1)
    total = stacked.sum(1, keepdim=True)
    stacked = stacked / total.clamp_min(1)
    rest = 1 - total.clamp_max(1)
    if not rest.any():
        return stacked, tuple(guides)
    if REST in guides:
        raise ValueError(
            f"guides: the masks leave a part of the picture free, which would be called {REST!r}, as one of them is\n"
            f"  what would work: another name for that region, or masks that cover the picture"
        )
    return torch.cat([stacked, rest], dim=1), (*guides, REST)


def read_mask(mask: Any, content: Tensor) -> Tensor:
    """Return a mask (1 or B, 1, H, W) in [0, 1], where the content is, from a tensor or any picture of its size.

    Raises:
        ValueError: the mask has another size than the content, for one is never stretched unasked; or its values are
            hardly degrees of a mask (`impasto.picture.mask_values`).
    """
    check_integers(mask, "the mask")
    maps = isinstance(mask, Tensor) and mask.ndim == 4 and mask.shape[1] == 1 and mask.is_floating_point()
    given: Tensor | Picture = mask.float() if maps else _picture(mask)
    file = given.meta.file if isinstance(given, Picture) else None
    called = f"the mask {file}" if file else "the mask"
    size = given.size if isinstance(given, Picture) else size_of(given)
    if size != size_of(content):
        raise ValueError(
            f"{called} is {size_text(size)} pixels and the content is {size_text(size_of(content))}\n"
            "  what would work: a mask drawn over the content itself, of the same size;"
            " or the stage mask-file (impasto-segment), which resizes one of the same proportions"
        )
    if isinstance(given, Picture):
        return mask_values(given, called, given=_array(mask)).to(content.device)
    check_levels(given, called)
    return given.to(content.device)


def _array(mask: Any) -> str | None:
    """Return Python for the array of a mask as it was given; None where a file was, or a picture read from one."""
    if isinstance(mask, (str, os.PathLike)) or (isinstance(mask, Picture) and mask.meta.file):
        return None
    if isinstance(mask, (Tensor, np.ndarray)):
        return "mask"
    return {Picture: "mask.tensor"}.get(type(mask)) or (
        "np.asarray(mask)" if isinstance(mask, Image.Image) else "impasto.read(mask).tensor"
    )


def _picture(mask: Any) -> Picture:
    try:
        return read(mask)
    except PictureError as error:
        raise PictureError(f"the mask: {error}") from error
