"""Memory of freed tensors, kept for the next ones."""

from __future__ import annotations

import ctypes
import os
import sys

MALLOC_MMAP_THRESHOLD, MALLOC_TRIM_THRESHOLD = -3, -1  # of malloc.h
KEPT = 257 << 20
"""Bytes of the largest tensors whose memory is kept: VGG-19's first features of 1024×1024 pixels.  Larger ones are few,
such as pictures of 24 megapixels, and would leave holes that the next does not fit."""


def keep_memory() -> None:
    """Have glibc keep the memory of freed tensors for the next ones, unless IMPASTO_MALLOC=0; elsewhere do nothing.

    Else it maps every large tensor anew and the kernel clears its pages: on a CPU an optimisation step at 704×704
    takes 1.2 times as long, and `wct` at 1024×1024 1.4 times.  The command line does this by itself; in a notebook it
    is asked for, since what is kept goes back to the system only when the process ends.

    Example:
        >>> import impasto
        >>> impasto.keep_memory()
    """
    if sys.platform != "linux" or os.environ.get("IMPASTO_MALLOC") == "0":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(MALLOC_MMAP_THRESHOLD, KEPT)
        mallopt(MALLOC_TRIM_THRESHOLD, 2**31 - 1)
