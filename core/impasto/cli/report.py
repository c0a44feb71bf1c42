"""`impasto report`: what an issue should say about an installation."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

import impasto

from ..device import use_bfloat16
from ..errors import WeightsError
from ..host import version
from ..weights import find
from .errors import DONE
from .listing import plugin_lines
from .weights import known_records


def execute(given: argparse.Namespace) -> int:
    """Print what an issue should say about this installation."""
    print("\n".join(report_lines()).replace(str(Path.home()), "~"))
    return DONE


def report_lines() -> Iterator[str]:
    """Yield versions, devices, plugins and the state of the networks that ship, one to a line."""
    yield f"impasto {version('impasto')}"
    yield f"python {platform.python_version()}, {platform.platform()}"
    for name in ("torch", "torchvision", "kornia", "scikit-image", "pillow", "numpy", "pluggy", "safetensors"):
        yield f"{name} {version(name)}".replace("unknown", "not installed")
    native = "bfloat16" if use_bfloat16(torch.device("cpu"), "auto") else "float32"
    yield f"cpu: {cpu_name()}, {torch.get_num_threads()} threads of {os.cpu_count()}, computes in {native}"
    yield f"waiting threads: {waiting_threads()}"
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        native = "bfloat16" if use_bfloat16(torch.device("cuda", index), "auto") else "float32"
        yield f"cuda:{index}: {device.name}, {device.total_memory / 2**30:.1f} GiB, computes in {native}"
    if torch.backends.mps.is_available():
        yield "mps: available"
    yield ""
    yield from plugin_lines()
    yield ""
    for record in known_records():
        if record.file is not None:
            try:
                find(record, download=False)
                yield f"{record.name}: there, sha256 as it should be"
            except WeightsError as error:
                yield f"{record.name}: {str(error).splitlines()[0]}"


def waiting_threads() -> str:
    """Return what decides how long OpenMP's threads spin while they wait, and who set it."""
    settings = []
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        if name in os.environ:
            by = "Impasto" if name == "GOMP_SPINCOUNT" and impasto._SETS_SPINCOUNT else "the environment"
            settings.append(f"{name}={os.environ[name]}, set by {by}")
    return "; ".join(settings) or "as OpenMP has it, since torch was imported before impasto"


def cpu_name() -> str:
    """Return the processor's name as its maker writes it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
