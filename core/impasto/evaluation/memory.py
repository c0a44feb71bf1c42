"""The most memory that a painting takes."""

from __future__ import annotations

import contextlib
import ctypes
import re
from pathlib import Path
from types import TracebackType

import torch
from typing_extensions import Self

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Measure how much more memory than before is in use at most in a block: a GPU's by torch, else a Linux process's.

    Args:
        device: where the block computes.

    Example:
        >>> with PeakMemory(torch.device("cpu")) as peak:
        ...     _ = torch.zeros(1000)
        >>> peak.mebibytes is None or peak.mebibytes >= 0
        True
    """

    mebibytes: float | None = None
    """Known behind the block; None where the system does not say."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._before: float | None = None

    def __enter__(self) -> Self:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device) / 2**20
        elif self.device.type == "cpu":
            with contextlib.suppress(OSError, AttributeError):  # not Linux, not glibc, or a sandbox
                ctypes.CDLL(None).malloc_trim(0)  # what was freed, and kept for later, would count as in use
                RESET.write_text("5")  # the high-water mark begins anew
                self._before = _resident("VmRSS")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            cuda = self.device.type == "cuda"
            most = torch.cuda.max_memory_allocated(self.device) / 2**20 if cuda else _resident("VmHWM")
            self.mebibytes = max(0.0, most - self._before)


def _resident(field: str) -> float:
    """Return a field of what Linux says of this process's memory, in mebibytes."""
    found = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{STATUS} has no {field}")
    return int(found[1]) / 1024
