"""Whether tensors of a file can be those of a network: of which kind, how large, and what numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..errors import WeightsError

FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
COUNTS = frozenset({torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64})
LARGEST_RATIO = 4
"""Bytes that a byte of a file may stand for: weights are noise, which no archive makes smaller, and few are shared."""
LARGEST_UNHELD = 256 << 20
"""Bytes of tensors that a file may claim in any case."""
LARGEST = 1e6
"""Of a weight.  Those of networks are around 1; through a few layers of what is larger no picture comes out."""


def flaw(tensor: Tensor) -> str:
    """Return in words what keeps a tensor from being read number by number, or nothing.

    Example:
        >>> flaw(torch.ones(2, dtype=torch.complex64))
        'of torch.complex64'
    """
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout is not torch.strided:
        return f"sparse ({tensor.layout})"
    if tensor.is_meta:
        return "without values, on torch's device 'meta'"
    if tensor.dtype not in FLOATS | COUNTS:
        return f"of {tensor.dtype}"
    return f"empty, of shape {tuple(tensor.shape)}" if tensor.numel() == 0 else ""


def check_numbers(tensors: Mapping[str, Tensor], refuse: Callable[[str], WeightsError], prefix: str = "") -> None:
    """Raise unless tensors can be those of a network: dense and floating, finite and moderate, not zeros alone.

    Their names and shapes have been looked at before: of another network's numbers nothing need be said.

    Args:
        tensors: those of a file that a network is going to be made of, by name.
        refuse: makes the error of what is wrong, such as "conv1.bias has values that are not finite numbers".
        prefix: of the names in the file, for the message.

    Raises:
        WeightsError: that of `refuse`.

    Example:
        >>> check_numbers({"weight": torch.tensor([1.0, torch.nan])}, WeightsError)
        Traceback (most recent call last):
        ...
        impasto.errors.WeightsError: weight has values that are not finite numbers
    """
    for key, value in tensors.items():
        wrong = flaw(value) or ("" if value.dtype in FLOATS else f"of {value.dtype}")
        if wrong:
            raise refuse(f"{prefix}{key} is {wrong}; networks are made of float16, bfloat16, float32 or float64")
    _check_sizes(tensors, refuse, prefix)
    kernels, zeros = 0, 0
    for key, value in tensors.items():
        low, high = (float(bound) for bound in value.detach().aminmax())  # of a tensor with a NaN, NaN
        if not (math.isfinite(low) and math.isfinite(high)):
            raise refuse(f"{prefix}{key} has values that are not finite numbers")
        if max(-low, high) > LARGEST:
            raise refuse(f"{prefix}{key} has values up to {max(-low, high):.3g}, where a network's are around 1")
        kernels += value.ndim == 4
        zeros += value.ndim == 4 and low == high == 0
    if kernels and zeros == kernels:
        raise refuse("has weights of zeros alone, which give the same for every picture")


def _check_sizes(tensors: Mapping[str, Tensor], refuse: Callable[[str], WeightsError], prefix: str) -> None:
    """Raise unless tensors are small, or about as large as what a file holds of them, as none of stride 0 is."""
    storages = [value.untyped_storage() for value in tensors.values()]
    held = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    sizes = {key: value.nbytes for key, value in tensors.items()}
    if sum(sizes.values()) > max(LARGEST_UNHELD, LARGEST_RATIO * held):
        largest = max(sizes, key=lambda key: sizes[key])
        raise refuse(
            f"claims {sum(sizes.values()):,} bytes of tensors, such as {prefix}{largest}"
            f" {tuple(tensors[largest].shape)}, and holds {held:,}: numbers stored once and repeated"
        )
