"""How fast one pass is, beside a plain float32 AdaIN at VGG-19's width.

    python benchmarks/feedforward.py [--size 512] [--runs 5] [--no-plain]

All are measured in turns in one run, medians of wall-clock seconds.  *Plain* is two encodings to relu4_1 and a
decoding, the same plan at full width with random weights, layer by layer, in float32 as torch lays it out.  Ours are
whole pipelines, from tensor to picture, in the precision that "auto" picks here; *a frame* is one of a stream, which
looks at the style once, and comes after the others.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

import impasto
from impasto.networks import VGG, VGGDecoder
from impasto_adain import AdaIN, adain
from impasto_wct import WCT, StyleSwap


def plain(content: torch.Tensor, style: torch.Tensor) -> Callable[[], object]:
    """Return AdaIN as its ports compute it, at VGG-19's width."""
    encoder, ours, layers = VGG(deepest="4_1").eval(), VGGDecoder(), list[nn.Module]()
    for name in ours.convolutions:
        layers += [nn.ReflectionPad2d(1), ours.get_submodule(f"conv{name}"), nn.ReLU()]
        if name.endswith("_1"):
            layers.append(nn.Upsample(scale_factor=2))
    decoder = nn.Sequential(*layers[:-2])  # the picture itself is neither rectified nor doubled

    @torch.no_grad()
    def run() -> torch.Tensor:
        features = [encoder(image, ["relu4_1"])["relu4_1"] for image in (content, style)]
        return decoder(adain(*features))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-plain", action="store_true", help="leave the slow one out")
    options = parser.parse_args()
    content = impasto.samples.content("astronaut")
    size = (options.size, options.size)
    content = torch.nn.functional.interpolate(content, size, mode="bicubic").clamp(0, 1)
    style = impasto.samples.style("impasto", options.size)

    def ours(stage: impasto.Stage) -> Callable[[], object]:
        pipe = impasto.Pipeline(stage)
        return lambda: pipe(content, style)

    def frames(stage: impasto.Stage) -> Callable[[], object]:
        stream = impasto.Pipeline(stage).stream(itertools.repeat(content), style)
        return lambda: next(stream)

    candidates: dict[str, Callable[[], object]] = {} if options.no_plain else {"plain AdaIN": plain(content, style)}
    candidates |= {repr(stage): ours(stage) for stage in (AdaIN(), WCT(), WCT(levels=(5, 4, 3, 2, 1)), StyleSwap())}
    stream = {"AdaIN(), a frame": frames(AdaIN())}  # by itself: its reader would work beside the others
    times: dict[str, list[float]] = {name: [] for name in (*candidates, *stream)}
    for together in (candidates, stream):
        for turn in range(options.runs + 1):
            for name, run in together.items():
                start = time.perf_counter()
                run()
                if turn:  # the first loads networks
                    times[name].append(time.perf_counter() - start)
    print(f"{options.size} pixels, {torch.get_num_threads()} threads, torch {torch.__version__}")
    middle = {name: statistics.median(found) for name, found in times.items()}
    first = next(iter(middle.values()))
    for name, value in middle.items():
        print(f"{name:28} {1000 * value:8.0f} ms {first / value:8.1f}×")


if __name__ == "__main__":
    main()
