"""Masks and guides of a run, read from pictures of the content's size."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..functional.resizing import size_of, size_text
from ..picture import Picture, read

REST = "rest"
"""Label of what the regions given by name leave of a picture."""


def read_guides(guides: Tensor | Mapping[str, Any] | None, content: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Return region maps (1 or B, K, H, W) that sum to 1, and their labels, from masks by label.

    Where masks overlap they share; what none of them covers becomes one more region, `rest`.

    Raises:
        ValueError: a mask that selects nothing or has another size than the content; names its label.
    """
    if guides is None or isinstance(guides, Tensor):
        return guides.float() if guides is not None and guides.is_floating_point() else guides, ()
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
    """Return a mask (1 or B, 1, H, W) in [0, 1] from a tensor or any picture of the content's size.

    Raises:
        ValueError: the mask has another size than the content; a mask is never stretched unasked.
    """
    given: Picture | None = None
    if not (isinstance(mask, Tensor) and mask.ndim == 4 and mask.shape[1] == 1 and mask.is_floating_point()):
        given = read(mask)
    called = f"the mask {given.meta.file}" if given is not None and given.meta.file else "the mask"
    values: Tensor = mask.float() if given is None else given.tensor
    if values.shape[-2:] != content.shape[-2:]:
        raise ValueError(
            f"{called} is {size_text(size_of(values))} pixels and the content is"
            f" {size_text(size_of(content))}\n"
            "  what would work: a mask drawn over the content itself, of the same size;"
            " or the stage mask-file (impasto-segment), which resizes one of the same proportions"
        )
    return values if given is None else _mask_values(given, called)


LEVELS = 4
"""A picture of whole numbers that has no more of them, none above half of white, numbers its parts and masks none."""


def _mask_values(picture: Picture, called: str) -> Tensor:
    """Return a mask (B, 1, H, W) from a picture: its opacity, if that says anything, else how light it is.

    Raises:
        ValueError: its values number the parts of a picture, 0 and 1 of 255, and are no degrees of a mask.
    """
    if picture.alpha is not None and picture.alpha.min() < 1:
        return picture.alpha
    low, high = picture.tensor.aminmax(dim=1, keepdim=True)
    if not torch.equal(low, high):
        warnings.warn(
            f"{called} has colours, of which the mean is taken\n  what would work: a grey picture; or the stage"
            " mask-file (impasto-segment), which reads a colour as a label",
            stacklevel=5,
        )
    values = picture.tensor.mean(1, keepdim=True)
    white = {8: 255, 16: 65535}.get(picture.meta.bits or 0)
    if white and 0 < float(values.max()) <= 0.5:
        levels = torch.unique(values.mul(white).round().int()).tolist()
        if len(levels) <= LEVELS:
            raise ValueError(
                f"{called} has the values {', '.join(map(str, levels))} of {white}, which is hardly a mask\n"
                f"  what would work: 0 where nothing is painted and {white} where all is\n"
                "  what to type: mask > 0, or mask * 255"
            )
    return values
