"""Pixels as arrays and tensors: whatever dtype and layout they come in, float32 in [0, 1] and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import PictureError
from ..validation import is_finite

ROUNDING = 1e-4
"""How far beyond [0, 1] floats may lie: what an earlier resize or colour conversion leaves is clipped."""


def image_tensor(array: npt.NDArray[Any]) -> Tensor:
    """Return an array's values as a tensor with colours first.

    Args:
        array: `(H, W)`, `(H, W, C)`, `(C, H, W)`, or a batch of the latter two.

    Raises:
        PictureError: no numbers, or both the first and the last side may be the colours.
    """
    shape = array.shape
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise PictureError(f"array: {array.dtype} holds no picture\n  what would work: uint8, uint16 or floats")
    first, last = (len(shape) > 2 and shape[i] in (1, 3, 4) for i in (-3, -1))
    if first and last:
        raise PictureError(
            f"array: {shape} may be (H, W, C) or (C, H, W)\n  what would work: a tensor, whose colours come"
            " first: torch.from_numpy(array), or torch.from_numpy(array).movedim(-1, -3)"
        )
    return tensor_copy(np.moveaxis(array, -1, -3) if last else array)


def color_and_alpha(tensor: Tensor, name: str) -> tuple[Tensor, Tensor | None]:
    """Return colours (B, 3, H, W) and opacity (B, 1, H, W), float32 in [0, 1], of a tensor in any accepted form.

    Args:
        tensor: `(H, W)`, `(C, H, W)` or `(B, C, H, W)`, C being 1, 3 or 4; bool, uint8, uint16 or floats in [0, 1].
        name: what stands for it in messages.

    Raises:
        PictureError: another shape, or values that have no one meaning.
    """
    shape = tuple(tensor.shape)
    if tensor.ndim in (2, 3):
        tensor = tensor[(None,) * (4 - tensor.ndim)]
    if tensor.ndim != 4 or tensor.shape[1] not in (1, 3, 4):
        last = shape[-1:] and shape[-1] in (1, 3, 4)
        raise PictureError(
            f"{name}: has the shape {shape}\n  what would work: (H, W), (C, H, W) or (B, C, H, W), C being"
            " 1 (grey), 3 (RGB) or 4 (RGB and alpha)"
            + ("\n  what to type: tensor.movedim(-1, -3), if its colours come last" if last else "")
        )
    if not tensor.numel():
        raise PictureError(f"{name}: {shape} has no pixels\n  what would work: a picture of at least 1 × 1")
    values = unit_floats(tensor, name)
    if values.shape[1] == 4:
        return values[:, :3].contiguous(), values[:, 3:].contiguous()
    return values.expand(-1, 3, -1, -1).contiguous(), None


def unit_floats(tensor: Tensor, name: str) -> Tensor:
    """Return a copy of pixels as float32 in [0, 1]: exactly k / 255 or k / 65535 where they are integers.

    Raises:
        PictureError: integers without a white, NaN, infinity, or floats beyond [0, 1].
    """
    if tensor.dtype in (torch.uint8, torch.uint16):
        return tensor.to(torch.float32).div_(255 if tensor.dtype == torch.uint8 else 65535)
    if tensor.dtype != torch.bool and not tensor.dtype.is_floating_point:
        raise PictureError(
            f"{name}: {tensor.dtype}, which does not say where white is\n"
            "  what would work: uint8 (0 to 255), uint16 (0 to 65535) or floats in [0, 1]"
        )
    tensor = tensor.detach().to(torch.float32, copy=True)
    low, high = (bound.item() for bound in tensor.aminmax())  # NaN, if there is one
    if not (math.isfinite(low) and math.isfinite(high)):
        raise PictureError(f"{name}: holds NaN or infinity\n  what would work: look where they arise")
    if low < -ROUNDING or high > 1 + ROUNDING:
        advice = "undo its normalisation, or clip it"
        if low >= 0:  # up to 16: what is brighter than white, as in renderings
            near = 255 if 16 < high <= 255 else 65535 if 255 < high <= 65535 else None
            advice = f"divide it by {near}" if near else "divide it by its white, or clip it"
        raise PictureError(f"{name}: runs from {low:.4g} to {high:.4g}, not within [0, 1]\n  what would work: {advice}")
    return tensor if low >= 0 and high <= 1 else tensor.clamp_(0, 1)


def planes(pixels: npt.NDArray[Any], name: str = "picture") -> Tensor:
    """Return pixels `(H, W, C)` of any accepted dtype as floats `(C, H, W)`."""
    return unit_floats(tensor_copy(pixels.transpose(2, 0, 1)), name)


def tensor_copy(array: npt.NDArray[Any]) -> Tensor:
    """Return a tensor that shares nothing with the array, in this machine's byte order."""
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))


def integer_pixels(color: Tensor, alpha: Tensor | None = None, bits: int = 8) -> npt.NDArray[Any]:
    """Return one picture as unsigned integers `(H, W, 3)`, or `(H, W, 4)` with its alpha.

    Args:
        color: (1, 3, H, W), clipped to [0, 1].
        alpha: (1, 1, H, W).
        bits: 8 or 16.

    Raises:
        PictureError: several pictures, or values that are not finite.
    """
    if color.shape[0] > 1:
        raise PictureError(f"expected one picture, found {color.shape[0]}\n  what to type: for picture in pictures: …")
    pixels = torch.cat([color] if alpha is None else [color, alpha], 1)[0].detach().cpu()
    if not is_finite(pixels):
        raise PictureError("the picture holds NaN or infinity\n  what would work: look for the stage that made them")
    # In place, for large pictures: torch.cat made a copy.
    whole = pixels.clamp_(0, 1).mul_(2**bits - 1).round_().permute(1, 2, 0).numpy()
    return whole.astype(np.uint8 if bits == 8 else np.uint16, order="C")


def over_white(color: Tensor, alpha: Tensor) -> Tensor:
    """Return colours (B, 3, H, W) as they look before white, by their opacity (B, 1, H, W)."""
    return color * alpha + 1 - alpha
