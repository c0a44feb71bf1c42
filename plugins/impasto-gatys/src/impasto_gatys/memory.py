"""How much memory a picture needs and how much is free, compared before the work begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from impasto import Encoder, StageError
from impasto.functional.resizing import Size


def estimate_memory(encoder: Encoder, layers: Sequence[str], size: Size, *, bytes_each: int, optimiser: str) -> int:
    """Return about how many bytes a step at `size` takes beyond the network, from the widths of its layers.

    What is stored for the backward pass: the output of every ReLU, the indices of max pooling, and for each
    layer a loss looks at, its float32 copy and (calibrated) map.  What comes and goes: gradients of the
    largest layer in two precisions.  And the optimiser's pictures.
    """
    pixels = size[0] * size[1]
    depth = max(encoder.layers.index(layer) for layer in layers)
    stored, largest = pixels * 3 * (4 + bytes_each), 0
    for layer in encoder.layers[: depth + 1]:
        if not layer.startswith("relu"):
            continue
        block, last = int(layer[4]), layer[4:] in ("1_2", "2_2", "3_4", "4_4")
        values = encoder.channels[layer] * pixels // 4 ** (block - 1)
        stored += values * bytes_each
        if last:
            stored += values // 4 * (8 * (encoder.pooling == "max") + bytes_each)
        if layer in layers:
            stored += values * (4 + bytes_each * encoder.calibrated)
        largest = max(largest, values)
    pictures = {"adam": 8, "l-bfgs": 28}[optimiser]
    total = stored + largest * (4 + 2 * bytes_each) + pictures * 12 * pixels
    # Measured peaks at 512 and 768 pixels, three encoders, were 0.99 to 1.24 times the sum.
    return total * 5 // 4


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
        limits.append(int(cap.read_text()) - int(used.read_text()))
    return min(limits, default=None)


def check_memory(
    name: str, encoder: Encoder, layers: Sequence[str], size: Size, device: torch.device, optimiser: str
) -> None:
    """Raise a `StageError` when a picture of `size` will not fit, saying what would."""
    free = free_memory(device)
    low = torch.is_autocast_enabled(device.type)
    need = estimate_memory(encoder, layers, size, bytes_each=2 if low else 4, optimiser=optimiser)
    if free is None or need <= free:
        return
    half = estimate_memory(encoder, layers, size, bytes_each=2, optimiser=optimiser)
    remedies = [] if low else [f"precision='bfloat16' (about {half / 1e9:.1f} GB)"]
    remedies += [] if encoder.name == "slim19" else ["encoder='slim19', which is thinner"]
    remedies += ["optimiser='adam'"] if optimiser == "l-bfgs" else []
    side = int(max(size) * (0.95 * free / need) ** 0.5)
    raise StageError(
        f"{name}: {size[1]}×{size[0]} pixels with the encoder {encoder.name} in"
        f" {'bfloat16' if low else 'float32'} need about {need / 1e9:.1f} GB,"
        f" and {free / 1e9:.1f} GB are free on {device}\n"
        f"  what would work: {', '.join([*remedies, f'at most {side} pixels on the longer side'])}"
    )
