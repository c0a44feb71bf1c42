"""How well thin encoders know VGG-19: R² of the best linear map to its features, and Gram error after it.

    python benchmarks/encoder_fidelity.py --teacher vgg19.pth --photos DIR --paintings DIR [--other NAME=PATH ...]

Measured on 64 pictures that no training has seen (`impasto.training.held_out`): half photographs, half
paintings, 224 px from their middle.  Each eighth of them is measured with a map fitted on the other seven, so that a
network with more channels gains nothing by fitting noise, and loses little by it.

Last comes the time that the features of all five layers take at 512 px, the median of encoders in turns, in the
precision that a pipeline computes in on this machine.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor

import impasto
from impasto.device import use_bfloat16
from impasto.files import files_in
from impasto.networks import FIRST_LAYERS
from impasto.picture import picture_suffixes
from impasto.training import held_out

SIZE = 224
FOLDS = 8


def unseen_files(folder: Path, count: int) -> list[Path]:
    """Return held-out pictures of a folder, one of each group, spread over its names."""
    groups: dict[str, Path] = {}
    for path in sorted(files_in(folder, picture_suffixes())):
        if held_out(path):
            groups.setdefault(re.sub(r"_t\d+$", "", path.stem), path)
    files = list(groups.values())
    if not files:
        raise SystemExit(
            f"{folder} holds back no pictures\n  what would work: a folder with some dozens of .jpg or .png files"
        )
    return [files[i * len(files) // count] for i in range(count)]


def unseen(folder: Path, count: int) -> Tensor:
    """Return held-out pictures as (count, 3, SIZE, SIZE), cut from their middle."""
    images = []
    for path in unseen_files(folder, count):
        with Image.open(path) as picture:
            square = ImageOps.fit(picture.convert("RGB"), (SIZE, SIZE), Image.Resampling.BICUBIC)
        images.append(torch.from_numpy(numpy.array(square)).permute(2, 0, 1).float() / 255)
    return torch.stack(images)


@torch.no_grad()
def features(encoder: impasto.Encoder, images: Tensor, layer: str) -> list[Tensor]:
    """Return the features (C, N) of each picture in float32."""
    return [encoder.features(image[None], [layer])[layer][0].flatten(1).float() for image in images]


def fit(thin: list[Tensor], wide: list[Tensor]) -> list[Tensor]:
    """Return for each fold the affine map (C, c + 1) that best predicts wide features, by those of the other folds.

    Picture i is of fold i modulo FOLDS.
    """
    moments = torch.stack([sum(_homogeneous(s) @ _homogeneous(s).mT for s in thin[i::FOLDS]) for i in range(FOLDS)])
    cross = torch.stack(
        [sum(w @ _homogeneous(s).mT for s, w in zip(thin[i::FOLDS], wide[i::FOLDS], strict=True)) for i in range(FOLDS)]
    )
    others, others_cross = (x.double().sum(0) - x.double() for x in (moments, cross))
    ridge = 1e-7 * others.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(others.shape[1])
    return list(torch.linalg.solve(others + ridge, others_cross.mT).mT.float())


def _homogeneous(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:1])])


def map_errors(thin: list[Tensor], wide: list[Tensor], map_: Tensor) -> tuple[float, float, list[float]]:
    """Return the squared error, the variance it is relative to, and each picture's relative Gram error."""
    total = sum(w.shape[1] for w in wide)
    centre = sum(w.sum(1, keepdim=True) for w in wide) / total
    error, variance, grams = 0.0, 0.0, []
    for s, w in zip(thin, wide, strict=True):
        estimate = map_ @ _homogeneous(s)
        error += float((estimate - w).square().sum())
        variance += float((w - centre).square().sum())
        truth, guess = w @ w.mT, estimate @ estimate.mT
        grams.append(float((guess - truth).square().sum() / truth.square().sum()))
    return error, variance, grams


@torch.no_grad()
def milliseconds(encoders: list[impasto.Encoder], size: int = 512, rounds: int = 9) -> list[float]:
    """Return the median time of each encoder's features of one picture, all measured in turns."""
    image = torch.rand(1, 3, size, size)
    taken: list[list[float]] = [[] for _ in encoders]
    with torch.autocast("cpu", torch.bfloat16, enabled=use_bfloat16(torch.device("cpu"), "auto")):
        for _ in range(rounds + 1):
            for times, encoder in zip(taken, encoders, strict=True):
                start = time.perf_counter()
                encoder.features(image, FIRST_LAYERS)
                times.append(1000 * (time.perf_counter() - start))
    return [statistics.median(times[1:]) for times in taken]  # the first prepares the network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--other", nargs="*", default=[], metavar="NAME=PATH", help="further encoders to measure")
    parser.add_argument("--only", nargs="*", default=["slim19", "slim19-half"], help="encoders to measure")
    options = parser.parse_args()

    images = torch.cat([unseen(options.photos, 32), unseen(options.paintings, 32)])
    images = images[torch.arange(64).view(2, 32).mT.flatten()]  # photographs and paintings in turn
    teacher = impasto.encoder(options.teacher)
    named = [(name, impasto.encoder(name)) for name in options.only]
    named += [(name, impasto.encoder(path)) for name, path in (one.split("=") for one in options.other)]
    table: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in named}
    for layer in FIRST_LAYERS:
        wide = features(teacher, images, layer)
        for name, encoder in named:
            thin = features(encoder, images, layer)
            maps = fit(thin, wide)
            results = [map_errors(thin[i::FOLDS], wide[i::FOLDS], map_) for i, map_ in enumerate(maps)]
            r2 = 1 - sum(r[0] for r in results) / sum(r[1] for r in results)
            table[name].append((r2, float(numpy.mean([g for r in results for g in r[2]]))))
    for title, index in (("R² of the best 1×1 linear map to VGG-19's features", 0), ("relative Gram error", 1)):
        print(f"\n{title}\n{'':16}" + "".join(f"{layer:>9}" for layer in FIRST_LAYERS) + f"{'mean':>9}")
        for name, row in table.items():
            values = [pair[index] for pair in row]
            print(f"{name:16}" + "".join(f"{v:9.4f}" for v in [*values, sum(values) / len(values)]))
    print("\nmilliseconds for all five layers at 512 px")
    for (name, _), taken in zip(named, milliseconds([encoder for _, encoder in named]), strict=True):
        print(f"{name:16}{taken:9.0f}")


if __name__ == "__main__":
    main()
