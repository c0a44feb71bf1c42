"""How well our local network paints inside a mask: beside any stylizer with a mask, on pictures no training saw.

    python benchmarks/local_fidelity.py --teacher vgg19.pth --photos DIR --styles DIR --out DIR [--size 256 --pairs 12]

Measured by VGG-19 inside the mask: content is the relative squared error at relu4_1, style the relative errors of Gram
matrices at relu1_1 to relu4_1, summed.  *Seam* is the root mean square of the step that the change of the picture makes
from pixel to pixel where the mask makes one.  Each pair has a random mask; means over all.  Finished pictures in --out
are not painted again, so delete a folder whose networks have changed; beside each lies one of mask and style.

Then the seconds that a painting takes when everything is loaded, the whole picture inside the mask, methods in turns,
the median of five, beside the paper's on a GPU of its time (table of Sun and Liu 2020).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from encoder_fidelity import unseen_files
from onepass_fidelity import square
from torch import Tensor

import impasto
from impasto import Encoder
from impasto.functional import statistics
from impasto.functional.resizing import resize
from impasto_adain import AdaIN
from impasto_gatys import Gatys
from impasto_local import Local, random_mask
from impasto_local.network import resize_mask
from impasto_local.training import content_loss, seam_loss

METHODS: dict[str, impasto.Stylizer] = {
    "local": Local(),
    "adain with a mask": AdaIN(),
    "adain, means and deviations": AdaIN(statistic="mean-std"),
    "gatys with a mask": Gatys(),
}
PAPER = {256: 0.023, 512: 0.061, 1024: 0.215}
"""Seconds of the paper's network by the side of the picture in pixels."""
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def losses(
    loss_network: Encoder, picture: Tensor, photograph: Tensor, mask: Tensor, style: Tensor
) -> tuple[float, ...]:
    """Return content, style and seam."""
    found, kept, goal = (loss_network.features(image, LAYERS) for image in (picture, photograph, style))
    away = 0.0
    for layer, x in found.items():
        wanted = statistics.gram(goal[layer])
        away += ((statistics.gram(x, resize_mask(mask, x)) - wanted).norm() / wanted.norm()).item()
    content = content_loss(found["relu4_1"], kept["relu4_1"], mask).item()
    return content, away, seam_loss(picture - photograph, mask).sqrt().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--styles", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--size", type=int, default=256, help="in pixels, also of the styles")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = impasto.encoder(options.teacher)
    rng = torch.Generator().manual_seed(11)
    found: dict[str, list[tuple[float, ...]]] = {}
    pairs = zip(*(unseen_files(folder, options.pairs) for folder in (options.photos, options.styles)), strict=True)
    for index, (photo, painting) in enumerate(pairs):
        content, style = (square(file, options.size) for file in (photo, painting))
        mask = random_mask(options.size, rng)
        while mask.min() == 1:
            mask = random_mask(options.size, rng)
        pictures = {"photograph itself": content}
        for method, stage in METHODS.items():
            file = options.out / f"{index:02d}-{method.replace(' ', '-')}.png"
            if not file.exists():
                impasto.Pipeline(stage)(content, style, mask=mask).save(file)
            pictures[method] = impasto.read(file).tensor
        impasto.show(mask, style).save(options.out / f"{index:02d}.png")
        for method, picture in pictures.items():
            with torch.no_grad():
                found.setdefault(method, []).append(losses(teacher, picture, content, mask, style))
        print(f"{index + 1}: {photo.name}, {painting.name}", flush=True)
    print("\n| | content | style | seam |\n|---|---|---|---|")
    for method, rows in found.items():
        means = " | ".join(f"{sum(column) / len(column):.3f}" for column in zip(*rows, strict=True))
        print(f"| {method} | {means} |")
    print("\n| seconds | " + " | ".join(map(str, PAPER)) + " |\n|" + "---|" * (len(PAPER) + 1))
    for method, row in seconds({name: METHODS[name] for name in ("local", "adain with a mask")}).items():
        print(f"| {method} | " + " | ".join(f"{value:.3f}" for value in row) + " |")
    print("| paper, GTX 1060 | " + " | ".join(f"{value:.3f}" for value in PAPER.values()) + " |")


def seconds(stages: dict[str, impasto.Stylizer]) -> dict[str, list[float]]:
    """Return for each stage the median seconds at each size of `PAPER`, in turns."""
    medians: dict[str, list[float]] = {name: [] for name in stages}
    for size in PAPER:
        content = resize(impasto.samples.content("coffee"), (size, size))
        style = impasto.samples.style("wave", size)
        taken: dict[str, list[float]] = {name: [] for name in stages}
        for _ in range(6):
            for name, stage in stages.items():
                start = time.perf_counter()
                impasto.Pipeline(stage)(content, style)
                taken[name].append(time.perf_counter() - start)
        for name, times in taken.items():
            medians[name].append(sorted(times[1:])[2])
    return medians


if __name__ == "__main__":
    main()
