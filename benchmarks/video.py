"""Flicker and detail of painted clips, plain and with `steady`: warp error, mean absolute Laplacian, seconds.

    python benchmarks/video.py clip.mp4 [more.mp4] --style painting.jpg

Warp error (Lai et al. 2018) is the mean squared difference of successive frames along the film's motion, times 1,000;
the first row is that of the film itself.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto.functional import fit_within
from impasto_video import optical_flow, warp_error

STAGES = ("adain:statistic=mean-std", "adain", "wct", "fast", "cyclegan", "wct-photo")
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)


def detail(image: Tensor) -> float:
    """Return the mean absolute Laplacian of a picture (1, 3, H, W)."""
    return F.conv2d(image.mean(1, keepdim=True), LAPLACIAN).abs().mean().item()


def flicker(pictures: list[Tensor], frames: list[Tensor]) -> float:
    """Return the mean warp error of pictures along the motion of frames, times 1,000, without the cuts."""
    errors = []
    for (old, new), (then, now) in zip(itertools.pairwise(pictures), itertools.pairwise(frames), strict=True):
        backward, forward = optical_flow(now, then, 1024), optical_flow(then, now, 1024)
        error = warp_error(then, now, backward, forward).item()
        if error < 0.01:  # more is a cut
            errors.append(warp_error(old, new, backward, forward).item())
    return 1000 * sum(errors) / len(errors)


def main() -> None:
    """Print a table for each clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--style", required=True)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", type=int, default=512, help="longer side")
    parser.add_argument("--with", dest="stages", nargs="+", default=STAGES)
    given = parser.parse_args()
    style = impasto.read(given.style)
    for clip in given.clips:
        read = itertools.islice(impasto.Pipeline().stream(clip), given.frames)
        frames = [fit_within(picture.tensor, given.size) for picture in read]
        print(f"\n{Path(clip).name}, {len(frames)} frames of {frames[0].shape[-1]}×{frames[0].shape[-2]}\n")
        print(
            "| | warp error | steady | ratio | detail kept | ms a frame | with steady |\n|---|---|---|---|---|---|---|"
        )
        print(f"| the film itself | {flicker(frames, frames):.2f} |")
        for name in given.stages:
            runs = []
            for line in (name, f"{name}, steady"):
                pipeline = impasto.Pipeline.parse(line)
                wanted = style if pipeline.stages[0].style == "required" else None
                list(pipeline.stream(frames[:2], wanted))  # loads what there is to load
                began = time.perf_counter()
                painted = [picture.tensor for picture in pipeline.stream(frames, wanted)]
                runs.append((painted, (time.perf_counter() - began) / len(frames)))
            (plain, seconds), (steady, longer) = runs
            before, after = flicker(plain, frames), flicker(steady, frames)
            kept = sum(map(detail, steady)) / sum(map(detail, plain))
            print(
                f"| `{name}` | {before:.2f} | {after:.2f} | {after / before:.2f} | {kept:.2f} |"
                f" {1000 * seconds:.0f} | {1000 * longer:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
