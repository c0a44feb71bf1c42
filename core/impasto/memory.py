"""Memory of freed tensors, kept for the next ones."""

from __future__ import annotations

import ctypes
import os
import sys

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
