"""Time the search for nearest patches: exact, approximate, and patch by patch, on real features.

    python benchmarks/patches.py                               the table, some minutes
    python benchmarks/patches.py --sides 64 --rounds 5         small maps alone
    python benchmarks/patches.py --sides 256 --patience 100    where only the approximate search is quick
    python benchmarks/patches.py --device cuda

The maps are features of a photograph and of a style by slim19, and random ones with 512 channels, as wide as
VGG-19's.  In each round all competitors take turns, so that a busy machine slows them alike; the time is the median
over the rounds, on the processor also the time it was at work for us.  What takes longer than --patience seconds is
run once.  Memory is the most that tensors made by the search took at one time; workspaces inside of torch's functions
are not seen.  The gap is how much the mean distance exceeds that of the exact search.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import impasto
from impasto.functional.patches import extract, nearest

STEPS = {"relu1_1": 1, "relu2_1": 2, "relu3_1": 4}
"""Pixels from one position of a layer to the next."""


class Peak(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive, of those made inside, and remembers the most."""

    def __init__(self) -> None:
        super().__init__()
        self.holders: dict[int, int] = {}
        self.alive = self.most = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        made = [one for one in (result if isinstance(result, (tuple, list)) else [result]) if isinstance(one, Tensor)]
        given = {one.untyped_storage()._cdata for one in args if isinstance(one, Tensor)}
        for one in made:
            storage = one.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key in given and key not in self.holders:
                continue  # a view of something made outside
            if key not in self.holders:
                self.alive += size
                self.most = max(self.most, self.alive)
            self.holders[key] = self.holders.get(key, 0) + 1
            weakref.finalize(one, self.drop, key, size)
        return result

    def drop(self, key: int, size: int) -> None:
        self.holders[key] -= 1
        if not self.holders[key]:
            del self.holders[key]
            self.alive -= size


@dataclass
class Competitor:
    """A way to search, timed on one pair of maps."""

    name: str
    run: Callable[[], Tensor]
    distance: float = 0.0
    memory: int = 0
    times: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)

    def take_turn(self) -> None:
        start, work = time.perf_counter(), time.process_time()
        self.distance = float(self.run().mean())
        self.times.append(time.perf_counter() - start)
        self.work.append(time.process_time() - work)


def features(picture: Tensor, layer: str, side: int, device: str) -> Tensor:
    """Return slim19's features of a picture, `side` positions square."""
    length = STEPS[layer] * side
    square = F.interpolate(picture, (length, length), mode="bicubic", antialias=True).clamp(0, 1)
    return impasto.encoder("slim19").to(device).features(square.to(device), [layer])[layer].float()


def pairs(sides: Sequence[int], device: str) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield names, queries and sources."""
    photo, style = impasto.samples.content("astronaut"), impasto.samples.style("impasto", 512)
    for side in sides:
        for layer in STEPS:
            maps = [features(picture, layer, side, device) for picture in (photo, style)]
            yield f"{layer}, {maps[0].shape[1]} × {side}²", maps[0], maps[1]
    generator = torch.Generator().manual_seed(0)
    random = [torch.randn(1, 512, 64, 64, generator=generator).to(device) for _ in range(2)]
    yield "random, 512 × 64²", random[0], random[1]


def patch_by_patch(query: Tensor, source: Tensor, rows: int = 1024) -> Tensor:
    """Return the distances by the product of all patches with all: what is usually written."""
    mine, theirs = (F.normalize(extract(maps, 3)[0], dim=0) for maps in (query, source))
    return torch.cat([1 - (some.mT @ theirs).max(1).values for some in torch.split(mine, rows, 1)])


def competitors(query: Tensor, source: Tensor, iterations: Sequence[int]) -> list[Competitor]:
    found = [
        Competitor("patch by patch", lambda: patch_by_patch(query, source)),
        Competitor("exact", lambda: nearest(query, source, method="exact").distances),
    ]
    for count in iterations:
        run = lambda count=count: nearest(query, source, method="patchmatch", iterations=count).distances  # noqa: E731
        found.append(Competitor(f"patchmatch, {count} iterations", run))
    return found


def measured(contest: list[Competitor], rounds: int, patience: float, device: str) -> None:
    """Let all take turns."""
    for one in contest:
        if device == "cpu":
            with Peak() as peak:
                one.run()
            one.memory = peak.most
        else:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            one.run()
            one.memory = torch.cuda.max_memory_allocated() - before
    for number in range(rounds):
        for one in contest:
            if number == 0 or one.times[0] < patience:
                one.take_turn()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128], help="of the maps, in positions")
    parser.add_argument("--iterations", type=int, nargs="+", default=[2, 8], help="of the approximate search")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=10, help="seconds; what takes longer is run once")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    where = options.device if options.device == "cpu" else torch.cuda.get_device_name(options.device)
    print(
        f"{where}, torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()} cores, "
        f"{torch.backends.cpu.get_cpu_capability()}, {platform.machine()}\n"
    )
    print("| maps | search | seconds | at work | MB | mean distance | gap |\n|---|---|---:|---:|---:|---:|---:|")
    torch.manual_seed(0)
    with torch.no_grad():
        for name, query, source in pairs(options.sides, options.device):
            contest = competitors(query, source, options.iterations)
            measured(contest, options.rounds, options.patience, options.device)
            for one in contest:
                gap = one.distance / contest[1].distance - 1
                print(
                    f"| {name} | {one.name} | {statistics.median(one.times):.2f} | {statistics.median(one.work):.2f} "
                    f"| {one.memory / 2**20:.0f} | {one.distance:.4f} | {gap:.1%} |"
                )
                name = ""
            sys.stdout.flush()


if __name__ == "__main__":
    main()
