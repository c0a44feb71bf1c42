"""How fast networks paint that have learned beforehand, beside CycleGAN's ResNet-9 in plain float32.

    python benchmarks/generators.py [--size 512] [--runs 5] [--compile]

All are measured in turns in one run, medians of wall-clock seconds.  *Plain* is the network at full width (random
weights) of torch's own instance normalisation, in float32 as torch lays it out.  Ours are whole pipelines, from tensor
to picture, in the precision that "auto" picks here.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

import impasto
from impasto.device import pick_device
from impasto_cyclegan import PAIRS, CycleGAN, ResNetGenerator, UNetGenerator
from impasto_cyclegan.generators import InstanceNorm
from impasto_fast import Fast


def plain(image: torch.Tensor) -> Callable[[], object]:
    """Return ResNet-9 as its ports compute it."""
    network = ResNetGenerator().eval()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.LazyInstanceNorm2d())
    network.to(image.device)

    @torch.no_grad()
    def run() -> torch.Tensor:
        return network(image).cpu()

    return run


def compiled(image: torch.Tensor) -> Callable[[], object]:
    """Return ResNet-9 in bfloat16 and channels_last, compiled."""
    network = ResNetGenerator().eval().to(image.device).to(memory_format=torch.channels_last)
    network.compile()

    @torch.no_grad()
    def run() -> torch.Tensor:
        with torch.autocast(image.device.type, torch.bfloat16):
            return network(image).cpu()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="ResNet-9 compiled as well, which takes a minute")
    options = parser.parse_args()
    size = (options.size, options.size)
    content = nn.functional.interpolate(impasto.samples.content("astronaut"), size, mode="bicubic").clamp(0, 1)
    device = pick_device("auto")
    image = content.to(device)

    def ours(stage: impasto.Stage) -> Callable[[], object]:
        pipe = impasto.Pipeline(stage)
        return lambda: pipe(content)

    with tempfile.TemporaryDirectory() as folder:
        for name, network in (("resnet-9", ResNetGenerator()), ("unet-256", UNetGenerator())):
            torch.save(network.state_dict(), Path(folder) / f"{name}.pth")
        candidates = {"plain ResNet-9": plain(image)}
        if options.compile:
            candidates["ResNet-9, compiled"] = compiled(image)
        for name in ("resnet-9", "unet-256"):
            candidates[f"CycleGAN({name}.pth)"] = ours(CycleGAN(network=f"{folder}/{name}.pth"))
        candidates |= {repr(CycleGAN(network=name)): ours(CycleGAN(network=name)) for name in PAIRS}
        candidates["Fast()"] = ours(Fast())
        times: dict[str, list[float]] = {name: [] for name in candidates}
        for turn in range(options.runs + 1):
            for name, run in candidates.items():
                start = time.perf_counter()
                run()
                if turn:  # the first loads networks
                    times[name].append(time.perf_counter() - start)
    print(f"{options.size} pixels, {device.type}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    middle = {name: statistics.median(found) for name, found in times.items()}
    first = next(iter(middle.values()))
    for name, value in middle.items():
        print(f"{name:42} {1000 * value:8.0f} ms {first / value:8.1f}×")


if __name__ == "__main__":
    main()
