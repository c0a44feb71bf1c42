"""Checks of tensors where they enter: pictures, maps and their labels."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def shape(tensor: Tensor) -> str:
    """Return a tensor's shape as text: `(1, 3, 256, 384)`.

    Args:
        tensor: of any shape.

    Example:
        >>> import torch
        >>> shape(torch.zeros(1, 3, 8, 8))
        '(1, 3, 8, 8)'
    """
    return str(tuple(tensor.shape))


def python_number(value: Any, *, whole: bool = False) -> Any:
    """Return a number of Python's, NumPy's or torch's as one of Python's; None where it is none, such as text.

    Args:
        value: what should be a number.
        whole: whether it should be a whole one; 90.0 is.

    Example:
        >>> import numpy
        >>> python_number(numpy.int64(90), whole=True), python_number("90")
        (90, None)
    """
    if isinstance(value, (str, bytes, bytearray)) or (hasattr(value, "is_complex") and value.is_complex()):
        return None
    try:
        if not whole:
            return float(value)
        return int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # several numbers, or none, or too large a one
        return None


def check_image(image: Any, what: str) -> None:
    """Raise unless `image` is a float32 tensor (B, 3, H, W) of finite values about [0, 1].

    Values a little outside, as filters and networks leave them, pass; those of another scale do not.

    Args:
        image: what should be one.
        what: which picture it is, for the message.

    Raises:
        TypeError: no tensor, or not of float32.
        ValueError: another shape, values that are not finite, or that are of another scale, such as 0 to 255.

    Example:
        >>> import torch
        >>> check_image(torch.zeros(3, 8, 8), "content")
        Traceback (most recent call last):
        ValueError: content: expected a tensor of shape (B, 3, H, W), found (3, 8, 8)
          what would work: impasto.read(...).tensor, which takes grey, HWC and unbatched pictures too
    """
    if not isinstance(image, Tensor):
        raise TypeError(
            f"{what}: expected a tensor (B, 3, H, W), found {type(image).__name__}\n"
            "  what would work: impasto.read(...).tensor, which takes paths, PIL images and arrays"
        )
    if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(
            f"{what}: expected a tensor of shape (B, 3, H, W), found {shape(image)}\n"
            "  what would work: impasto.read(...).tensor, which takes grey, HWC and unbatched pictures too"
        )
    if image.dtype != torch.float32:
        raise TypeError(
            f"{what}: expected float32 in [0, 1], found {image.dtype}\n"
            "  what would work: impasto.read(...).tensor, or for bytes tensor.float() / 255"
        )
    low, high = torch.stack(torch.aminmax(image.detach())).tolist()  # of pictures with a NaN, NaN
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(
            f"{what}: expected finite values, found NaN or infinite ones\n"
            "  what would work: torch.nan_to_num(image), which replaces them"
        )
    if low < -1 or high > 2:
        advice = "image / 255" if low >= 0 and high <= 255 else "(image + 1) / 2, image / 255 or image.clamp(0, 1)"
        raise ValueError(
            f"{what}: expected values in [0, 1], found {low:.3g} to {high:.3g}\n  what would work: {advice}"
        )


def is_finite(image: Tensor) -> bool:
    """Return whether no value is NaN or infinite.

    Args:
        image: of any shape.

    Example:
        >>> import torch
        >>> is_finite(torch.tensor([1.0, float("nan")]))
        False
    """
    # One pass without a mask of the picture's size; only a picture that is not finite has a sum that is not.
    return math.isfinite(float(image.sum())) or bool(torch.isfinite(image).all())


def check_features(features: Tensor, who: str) -> None:
    """Raise a `FloatingPointError` if what a network is given is not finite: in bfloat16, it makes finite grey of NaN.

    Only where no gradient is taken: an optimisation looks at its losses, and would wait for this at each step.

    Args:
        features: of any shape.
        who: is given them, for the message.

    Raises:
        FloatingPointError: some are NaN or infinite.

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     check_features(torch.zeros(1, 16, 4, 4), "adain")
    """
    if torch.is_grad_enabled() or is_finite(features):
        return
    bad = int((~torch.isfinite(features)).sum())
    raise FloatingPointError(
        f"{who}: {bad} of {features.numel()} values that the network is given are NaN or infinite\n"
        "  what would work: precision='float32', or gentler parameters"
    )


def check_extent(maps: Tensor, image: Tensor, what: str) -> None:
    """Raise unless `maps` (1 or B, K, H, W) lie over `image` (B, 3, H, W).

    Args:
        maps: (1 or B, K, H, W).
        image: (B, 3, H, W).
        what: which maps they are, for the message.

    Raises:
        ValueError: another size, or another number of pictures.

    Example:
        >>> import torch
        >>> check_extent(torch.zeros(1, 2, 8, 8), torch.zeros(4, 3, 8, 8), "guides")
    """
    if maps.ndim != 4 or maps.shape[-2:] != image.shape[-2:] or maps.shape[0] not in (1, image.shape[0]):
        raise ValueError(
            f"{what}: expected (1 or {image.shape[0]}, channels, {image.shape[-2]}, {image.shape[-1]})"
            f" to lie over the picture, found {shape(maps)}\n"
            "  what would work: maps as large as the picture, one for all pictures of a batch or one for each"
        )


def check_maps(maps: Tensor, image: Tensor, what: str) -> None:
    """Raise unless `maps` (1 or B, K, H, W) lie over `image` (B, 3, H, W) with values in [0, 1].

    Args:
        maps: (1 or B, K, H, W).
        image: (B, 3, H, W).
        what: which maps they are, for the message.

    Raises:
        ValueError: another size, whole numbers, or values outside [0, 1].

    Example:
        >>> import torch
        >>> check_maps(torch.full((1, 1, 8, 8), 255.0), torch.zeros(1, 3, 8, 8), "mask")
        Traceback (most recent call last):
        ValueError: mask: expected float values in [0, 1], found 255 to 255
          what would work: maps / 255
    """
    check_extent(maps, image, what)
    if not maps.is_floating_point():
        raise ValueError(
            f"{what}: expected float values in [0, 1], found {maps.dtype}\n"
            "  what would work: maps.float(), or for bytes maps.float() / 255"
        )
    low, high = (value.item() for value in torch.aminmax(maps))  # of maps with a NaN, NaN
    if not (low >= 0 and high <= 1):
        advice = "maps.clamp(0, 1)" if high <= 2 else "maps / 255" if low >= 0 and high <= 255 else "values in [0, 1]"
        raise ValueError(
            f"{what}: expected float values in [0, 1], found {low:g} to {high:g}\n"
            f"  what would work: {'torch.nan_to_num(maps)' if math.isnan(low) else advice}"
        )


def check_sum(maps: Tensor, what: str) -> None:
    """Raise unless region maps (B, K, H, W) sum to 1 over K, but for rounding.

    Args:
        maps: (B, K, H, W).
        what: which maps they are, for the message.

    Raises:
        ValueError: they sum to less or more somewhere.

    Example:
        >>> import torch
        >>> check_sum(torch.full((1, 2, 8, 8), 0.5), "guides")
    """
    low, high = (value.item() for value in torch.aminmax(maps.sum(1)))
    if low < 1 - ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            f"{what}: expected maps that sum to 1 over K, found sums of {low:.3g} to {high:.3g}\n"
            "  what would work: for masks, guides={'sky': sky, 'sea': sea}; what they leave is one more region\n"
            "  what to type: maps / maps.sum(1, keepdim=True), where some map is above 0 everywhere"
        )


ROUNDING = 0.01
"""How far region maps may sum to another number than 1: maps in half precision do."""


def check_labels(labels: Sequence[str], guides: Tensor | None, what: str) -> tuple[str, ...]:
    """Return the names of regions as a tuple; raise unless there are none or a different one for each map.

    Args:
        labels: of the regions, or none.
        guides: (1 or B, K, H, W), or None.
        what: whose they are, for the message.

    Raises:
        ValueError: another number of labels than of maps, or one twice.

    Example:
        >>> import torch
        >>> check_labels(["sky", "sea"], torch.full((1, 2, 8, 8), 0.5), "guides")
        ('sky', 'sea')
    """
    regions = 0 if guides is None else guides.shape[1]
    if labels and (len(labels) != regions or len(set(labels)) != len(labels)):
        raise ValueError(
            f"{what}: expected a label for each of {regions} maps, found {', '.join(map(repr, labels))}\n"
            "  what would work: a different label for each map, or none at all"
        )
    return tuple(labels)
