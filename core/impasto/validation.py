"""Checks of tensors where they enter: pictures, maps and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def shape(tensor: Tensor) -> str:
    """Return a tensor's shape as text: `(1, 3, 256, 384)`."""
    return str(tuple(tensor.shape))


def check_image(image: Any, what: str) -> None:
    """Raise unless `image` is a finite float32 tensor (B, 3, H, W)."""
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
    if not is_finite(image):
        raise ValueError(
            f"{what}: expected finite values, found NaN or infinite ones\n"
            "  what would work: torch.nan_to_num(image), which replaces them"
        )


def is_finite(image: Tensor) -> bool:
    """Return whether no value is NaN or infinite."""
    # One pass without a mask of the picture's size; only a picture that is not finite has a sum that is not.
    return math.isfinite(float(image.sum())) or bool(torch.isfinite(image).all())


def check_features(features: Tensor, who: str) -> None:
    """Raise a `FloatingPointError` if what a network is given is not finite: in bfloat16, it makes finite grey of NaN.

    Only where no gradient is taken: an optimisation looks at its losses, and would wait for this at each step.
    """
    if torch.is_grad_enabled() or is_finite(features):
        return
    bad = int((~torch.isfinite(features)).sum())
    raise FloatingPointError(
        f"{who}: {bad} of {features.numel()} values that the network is given are NaN or infinite\n"
        "  what would work: precision='float32', or gentler parameters"
    )


def check_extent(maps: Tensor, image: Tensor, what: str) -> None:
    """Raise unless `maps` (1 or B, K, H, W) lie over `image` (B, 3, H, W)."""
    if maps.ndim != 4 or maps.shape[-2:] != image.shape[-2:] or maps.shape[0] not in (1, image.shape[0]):
        raise ValueError(
            f"{what}: expected (1 or {image.shape[0]}, channels, {image.shape[-2]}, {image.shape[-1]})"
            f" to lie over the picture, found {shape(maps)}\n"
            "  what would work: maps as large as the picture, one for all pictures of a batch or one for each"
        )


def check_maps(maps: Tensor, image: Tensor, what: str) -> None:
    """Raise unless `maps` (1 or B, K, H, W) lie over `image` (B, 3, H, W) with values in [0, 1]."""
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
    """Raise unless region maps (B, K, H, W) sum to 1 over K, but for rounding."""
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
    """Return the names of regions as a tuple; raise unless there are none or a different one for each map."""
    regions = 0 if guides is None else guides.shape[1]
    if labels and (len(labels) != regions or len(set(labels)) != len(labels)):
        raise ValueError(
            f"{what}: expected a label for each of {regions} maps, found {', '.join(map(repr, labels))}\n"
            "  what would work: a different label for each map, or none at all"
        )
    return tuple(labels)
