"""Twice the digits, on every device."""

from __future__ import annotations

from torch import Tensor


def in_double(values: Tensor) -> Tensor:
    """Return values in float64, on the CPU where their device has no float64 (mps); a float64 tensor comes as it is.

    Every part of Impasto that needs the digits asks here, since `values.double()` is an error on mps.

    Args:
        values: of any shape and dtype.

    Returns:
        The same shape.  What is computed of it goes back by `.to(values)`; `in_double(values).cpu()` is for NumPy.

    Example:
        >>> import torch
        >>> in_double(torch.ones(2)).dtype
        torch.float64
    """
    return (values.cpu() if values.device.type == "mps" else values).double()
