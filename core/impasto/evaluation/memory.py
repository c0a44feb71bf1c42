"""The most memory that a painting takes."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType

import torch
from typing_extensions import Self

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Measure the most memory in use in a block: on a GPU by torch, elsewhere of the whole process, on Linux alone.

    Args:
        device: where the block computes.

    Example:
        >>> with PeakMemory(torch.device("cpu")) as peak:
        ...     _ = torch.zeros(1000)
        >>> peak.mebibytes is None or peak.mebibytes > 1
        True
    """

    mebibytes: float | None = None
    """Known behind the block; None where the system does not say."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __enter__(self) -> Self:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif RESET.exists():
            try:
                RESET.write_text("5")  # the high-water mark begins anew
            except OSError:  # in a sandbox; the mark is then that of the process so far, and none of this block
                self.device = torch.device("meta")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.type == "cuda":
            self.mebibytes = torch.cuda.max_memory_allocated(self.device) / 2**20
        elif self.device.type == "cpu" and RESET.exists():
            found = re.search(r"^VmHWM:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
            self.mebibytes = int(found[1]) / 1024 if found else None
