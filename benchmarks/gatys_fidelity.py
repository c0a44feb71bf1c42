"""How good a loss a thin encoder is: Gatys with each one, judged by VGG-19 at equal content loss.

    python benchmarks/gatys_fidelity.py --teacher vgg19.pth --photos DIR --paintings DIR --out DIR [--other NAME=PATH]

Twelve pairs of a photograph and a painting that no training has seen.  VGG-19 paints each with the stage's
defaults; its content loss is the one at which the others are compared.  Each thin encoder paints with several
content weights, and its Gram loss is read off at that content loss (log-linear between the two nearest
pictures).  Content is the relative squared error at relu4_1, Gram the mean over relu1_1 … relu5_1 of
‖G - A‖² / ‖A‖², both of the real VGG-19, in float32.  Finished pictures in --out are not painted again.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import ClassVar

import numpy
import torch
from encoder_fidelity import unseen_files
from impasto_gatys import Gatys
from torch import Tensor
from torchvision.utils import save_image

import impasto
from impasto.distillation import LAYERS

SIZE = 384
WEIGHTS = (0.025, 0.1, 0.4)


class Uncalibrated(Gatys, name="gatys-uncalibrated"):
    """Gatys on the features as they are, for encoders that come without calibration."""

    calibrated: ClassVar[bool] = False


def square(path: Path) -> Tensor:
    """Return the middle of a picture as (1, 3, SIZE, SIZE)."""
    image = impasto.read(path).tensor
    side = min(image.shape[-2:])
    top, left = (image.shape[-2] - side) // 2, (image.shape[-1] - side) // 2
    image = image[..., top : top + side, left : left + side]
    return torch.nn.functional.interpolate(image, (SIZE, SIZE), mode="bicubic", antialias=True).clamp(0, 1)


@torch.no_grad()
def judge(teacher: impasto.Encoder, picture: Tensor, content: Tensor, style: Tensor) -> tuple[float, float]:
    """Return VGG-19's content loss and Gram loss of a picture."""
    seen, kept, wanted = (teacher.features(one, LAYERS) for one in (picture, content, style))
    error = (seen["relu4_1"] - kept["relu4_1"]).square().sum() / kept["relu4_1"].square().sum()
    grams = []
    for layer in LAYERS:
        truth, found = impasto.statistics.gram(wanted[layer]), impasto.statistics.gram(seen[layer])
        grams.append(((found - truth).square().sum() / truth.square().sum()).item())
    return error.item(), sum(grams) / len(grams)


def at(content: float, points: list[tuple[float, float]]) -> tuple[float, bool]:
    """Return the Gram loss at a content loss, log-linear between measured pictures, and whether it lies between."""
    points = sorted(points)
    inside = points[0][0] <= content <= points[-1][0]
    pairs = list(zip(points, points[1:], strict=False))
    (c0, g0), (c1, g1) = next(((a, b) for a, b in pairs if content <= b[0]), pairs[-1])
    share = (content - c0) / (c1 - c0)
    return math.exp(math.log(g0) + share * (math.log(g1) - math.log(g0))), inside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--other", nargs="*", default=[], metavar="NAME=PATH", help="further encoders")
    parser.add_argument("--only", nargs="*", default=["slim19-half", "slim19"], help="encoders to judge")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=Gatys.parameters()["steps"].default, help="at each level")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    pairs = list(
        zip(unseen_files(options.photos, options.pairs), unseen_files(options.paintings, options.pairs), strict=True)
    )
    teacher = impasto.encoder(options.teacher)
    named = [(name, name) for name in options.only] + [tuple(one.split("=", 1)) for one in options.other]
    results: dict[str, list[float]] = {name: [] for name, _ in named}
    reference: list[tuple[float, float]] = []
    outside = 0
    for index, (photo, painting) in enumerate(pairs):
        content, style = square(photo), impasto.read(painting).tensor

        def paint(name: str, encoder: str, weight: float) -> Tensor:
            file = options.out / f"{index:02d}-{name}-{weight:g}-{options.steps}.png"
            if not file.exists():
                kind = Gatys if name in (*options.only, "vgg19") else Uncalibrated
                stage = kind(encoder=encoder, content_weight=weight, steps=options.steps)
                impasto.Pipeline(stage)(content, style).save(file)
            return impasto.read(file).tensor

        default = Gatys.parameters()["content_weight"].default
        best = paint("vgg19", options.teacher, default)
        reference.append(judge(teacher, best, content, style))
        shown = [content, torch.nn.functional.interpolate(style, (SIZE, SIZE)), best]
        for name, encoder in named:
            painted = [paint(name, encoder, weight) for weight in WEIGHTS]
            points = [judge(teacher, picture, content, style) for picture in painted]
            gram, inside = at(reference[-1][0], points)
            outside += not inside
            results[name].append(gram)
            shown.append(min(zip(points, painted, strict=True), key=lambda p: abs(p[0][0] - reference[-1][0]))[1])
        save_image(torch.cat(shown, -1), options.out / f"row-{index:02d}.png")
        line = "".join(f"  {name} {values[-1]:.4f}" for name, values in results.items())
        print(f"{photo.stem:28} {painting.stem:28} content {reference[-1][0]:.3f}  vgg19 {reference[-1][1]:.4f}{line}")
    print(f"\nGram loss under VGG-19 at equal content loss, {len(pairs)} pairs, geometric mean ({outside} extrapolated)")
    for name, values in {"vgg19": [gram for _, gram in reference], **results}.items():
        print(f"{name:16}{math.exp(numpy.mean(numpy.log(values))):9.4f}")


if __name__ == "__main__":
    main()
