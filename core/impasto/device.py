"""The device to run on, the precision of what is computed there, and its memory."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
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
    except (RuntimeError, TypeError) as error:
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


def indexed_device(device: torch.device | str | None) -> torch.device:
    """Return a device as its tensors name it: "cuda" is the card that is the current one; None is the CPU.

    Args:
        device: as torch takes it.  CUDA is not begun to be asked: until it is, the current card is the first.

    Example:
        >>> indexed_device("mps"), indexed_device(None)
        (device(type='mps', index=0), device(type='cpu'))
    """
    found = torch.device("cpu" if device is None else device)
    if found.type == "cuda" and found.index is None:
        return torch.device("cuda", torch.cuda.current_device() if torch.cuda.is_initialized() else 0)
    return torch.device("mps", 0) if found.type == "mps" else found


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


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes are free on a device, or None where that cannot be asked."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        limits.append(1024 * int(lines["MemAvailable"].split()[0]))
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        # Without a count of free memory, three quarters of all of it is a guess on the safe side.
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4)
    cap, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if cap.exists() and used.exists() and cap.read_text().strip() != "max":  # inside a container
        # Of what counts as used, the files that were read are given up first.
        stat = cap.with_name("memory.stat")
        lines = dict(line.split() for line in stat.read_text().splitlines()) if stat.exists() else {}
        limits.append(int(cap.read_text()) - int(used.read_text()) + int(lines.get("inactive_file", 0)))
    return min(limits, default=None)


@contextmanager
def without_tf32(device: torch.device) -> Iterator[None]:
    """Have convolutions and products on a CUDA device keep all digits of float32; does nothing for another device.

    Ampere and later compute them with ten binary digits unless told otherwise (TF32), which is torch's default for
    convolutions.  The settings are the process's, not a thread's: they are changed when the first run that wants it
    begins and put back when the last one ends, and what other threads compute meanwhile is more exact, and slower.

    Args:
        device: where the block computes.
    """
    if device.type != "cuda":
        yield
        return
    _tf32.begin()
    try:
        yield
    finally:
        _tf32.end()


class _TF32:
    """TF32 of the process: off while any run wants it off, and afterwards as it was."""

    def __init__(self) -> None:
        self._lock, self._runs = Lock(), 0
        self._before: list[tuple[Callable[[Any], None], Any, Any]] = []

    def begin(self) -> None:
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._before = list(_precision_settings())
                for write, _, wanted in self._before:
                    write(wanted)

    def end(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                for write, value, _ in self._before:
                    write(value)


_tf32 = _TF32()


def _precision_settings() -> Iterator[tuple[Callable[[Any], None], Any, Any]]:
    """Give how to write each setting of float32 on CUDA, its present value, and that for all digits; old ones first."""
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    # Torch refuses to read an old setting where the user has given new ones, which then decide alone.
    with suppress(RuntimeError):
        yield torch.set_float32_matmul_precision, torch.get_float32_matmul_precision(), "highest"
    with suppress(RuntimeError):
        yield partial(setattr, cudnn, "allow_tf32"), cudnn.allow_tf32, False
    if hasattr(cudnn, "conv"):  # since torch 2.9
        for part in (cudnn.conv, cudnn.rnn, products, torch.backends.mkldnn.matmul):  # type: ignore[attr-defined]  # the last goes with the first
            yield partial(setattr, part, "fp32_precision"), part.fp32_precision, "ieee"
