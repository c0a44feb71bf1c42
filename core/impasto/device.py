"""The device to run on, the precision of networks there, and the memory of freed tensors on the CPU."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Literal

import torch

MALLOC_MMAP_THRESHOLD, MALLOC_TRIM_THRESHOLD = -3, -1  # of malloc.h
LARGEST = 257 << 20
"""Bytes of the largest tensors whose memory is kept: VGG-19's first features of 1024×1024 pixels.  Larger ones are few,
such as pictures of 24 megapixels, and would leave holes that the next does not fit."""
LARGEST_DOCUMENTED = 32 << 20
"""The same where glibc is old and refuses more than its manual allows."""
KEPT = 512 << 20
"""Bytes at most that are kept for what comes next."""


def keep_memory(device: torch.device) -> None:
    """Have glibc keep memory of freed tensors for the next ones, if they are on the CPU and not IMPASTO_MALLOC=0.

    Else it maps every large tensor anew and the kernel clears its pages: an optimisation step at 704×704 takes 1.1
    times as long, and `wct` at 1024×1024 1.3 times.
    """
    if device.type != "cpu" or sys.platform != "linux" or os.environ.get("IMPASTO_MALLOC") == "0":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        if not mallopt(MALLOC_MMAP_THRESHOLD, LARGEST):
            mallopt(MALLOC_MMAP_THRESHOLD, LARGEST_DOCUMENTED)
        mallopt(MALLOC_TRIM_THRESHOLD, KEPT)


Precision = Literal["auto", "float32", "bfloat16"]


def pick_device(device: str | torch.device) -> torch.device:
    """Return the device to run on; one that was asked for by name and is not there is an error."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device {device!r} is not one\n  what would work: auto, cpu, cuda, cuda:1, mps") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if picked.type == "cuda" and (picked.index or 0) >= torch.cuda.device_count():
        there["cuda"] = False
    if not there.get(picked.type, True):
        raise ValueError(
            f"device {str(device)!r} was asked for and is not there (torch {torch.__version__} finds"
            f" {torch.cuda.device_count()} CUDA devices)\n  what would work: device='auto' or device='cpu'"
        )
    return picked


def use_bfloat16(device: torch.device, precision: Precision) -> bool:
    """Return whether networks compute in bfloat16: as asked, or where the hardware multiplies it natively."""
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"precision {precision!r} is not one\n  what would work: auto, float32, bfloat16")
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(has.get("amx_bf16") or has.get("avx512_bf16") or has.get("bf16"))
    return False
