"""What a large picture takes, and whether the tiles it is painted in show.

    python benchmarks/tiles.py [--size 6000x4000] [--stage adain] [--precision auto]

The peak of resident memory and the seconds are those of a fresh process, imports, reading and writing included: from
the command line, and from Python.  Then a picture of 1500×1100 is painted in one piece and in tiles: a seam would be
a difference between the two, with larger steps across the borders of tiles than inside them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F

import impasto
from impasto.networks import tiles

PYTHON = """
import sys, impasto
stage, precision, content, style, out = sys.argv[1:]
impasto.Pipeline.parse(stage)(content, style, precision=precision).save(out)
"""


def photograph(height: int, width: int) -> torch.Tensor:
    """Return a photograph of any size, with grain in the place of the detail it lacks."""
    grain = 0.02 * torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(0))
    enlarged = F.interpolate(impasto.samples.content("astronaut", 512), (height, width), mode="bicubic")
    return enlarged.add_(grain).clamp_(0, 1)


def run(command: list[str]) -> str:
    """Return seconds and the peak of memory of a process of its own."""
    start = time.perf_counter()
    # The peak of all children is that of the largest, so each is measured by a parent of its own.
    measured = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    measured += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", measured, *command], check=True, capture_output=True, text=True)
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{time.perf_counter() - start:7.1f} s {int(done.stdout) * unit / 1e9:6.2f} GB"


def steps(values: torch.Tensor, dim: int, borders: list[int]) -> str:
    """Say how far values step across borders of tiles, and inside tiles."""
    step = values.diff(dim=dim).abs()
    at = torch.zeros(step.shape[dim], dtype=torch.bool)
    at[torch.tensor(borders) - 1] = True
    across, inside = (step.index_select(dim, chosen.nonzero().flatten()) for chosen in (at, ~at))
    return (
        f"across borders {across.max():.1e} at most, {across.mean():.1e} on average;"
        f" inside {inside.max():.1e}, {inside.mean():.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="6000x4000", help="width and height")
    parser.add_argument("--stage", default="adain", help="as in impasto paint --with")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    style = impasto.samples.style("impasto", 1024)
    print(f"{options.size}, {options.stage}, {options.precision}, {torch.get_num_threads()} threads", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("content.jpg", "style.jpg", "out.jpg")]
        impasto.Picture(photograph(height, width)).save(files[0])
        impasto.Picture(style).save(files[1])
        given = ["--with", options.stage, "--precision", options.precision, "--out", files[2]]
        print("impasto paint ", run([sys.executable, "-m", "impasto", "paint", *files[:2], *given]), flush=True)
        asked = [options.stage, options.precision, *files]
        print("from Python   ", run([sys.executable, "-c", PYTHON, *asked]), flush=True)

    pipe, image = impasto.Pipeline.parse(options.stage), photograph(1100, 1500)
    painted = []
    with mock.patch("impasto.networks.feature_transform.tile_grid", wraps=tiles.tile_grid) as tile_grid:
        for tiles.PIXELS in (1 << 21, 640 * 640):
            painted.append(pipe(image, style, precision=options.precision).tensor)
    sizes = [call.args for call in tile_grid.call_args_list if call.args[0][1] >= 1500]  # not the style's
    cuts = [tile for size in sizes for tile in tiles.tile_grid(*size)]
    change = painted[1] - painted[0]
    most, mean = change.abs().max(), change.abs().mean()
    print(f"1500x1100 in tiles, less in one piece: {most:.1e} at most, {mean:.1e} on average")
    for what, values in (("that difference", change), ("the picture in tiles", painted[1])):
        for dim, name in ((-2, "rows"), (-1, "columns")):
            starts = {tile[dim].start for tile in cuts} - {0}
            print(f"steps of {what} between {name}: {steps(values, dim, sorted(starts))}")


if __name__ == "__main__":
    main()
