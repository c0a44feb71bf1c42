"""How good a loss a thin encoder is: Gatys with each one, measured by VGG-19 at equal content loss.

    python benchmarks/gatys_fidelity.py --teacher vgg19.pth --photos DIR --paintings DIR --out DIR [--other NAME=PATH]

Twelve pairs of a photograph and a painting that no training has seen.  VGG-19 paints each with the stage's
defaults; its content loss is the one at which the others are compared.  Each thin encoder paints with several
content weights until that content loss lies between two of its pictures, and its Gram loss is read off there,
log-linear between them.  Content is the relative squared error at relu4_1, Gram the mean over relu1_1 … relu5_1 of
‖G - A‖² / ‖A‖², both of the real VGG-19, in float32.  Finished pictures in --out are not painted again.
"""

from __future__ import annotations

import argparse
import math
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy
import torch
from encoder_fidelity import unseen_files
from torch import Tensor
from torchvision.utils import save_image

import impasto
from impasto.functional.metrics import content_loss, gram_loss
from impasto.networks import FIRST_LAYERS
from impasto_gatys import SHARES, Gatys

SIZE = 384


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


class ReferenceLosses:
    """VGG-19's content loss and Gram loss of pictures that should have this content and this style."""

    @torch.no_grad()
    def __init__(self, teacher: impasto.Encoder, content: Tensor, style: Tensor) -> None:
        self.teacher = teacher
        self.content = teacher.features(content, ["relu4_1"])
        self.style = teacher.features(style, FIRST_LAYERS)

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> tuple[float, float]:
        """Return both losses, relative."""
        features = self.teacher.features(picture, FIRST_LAYERS)
        gram = gram_loss(features, self.style) / len(FIRST_LAYERS)
        return content_loss(features, self.content).item(), gram.item()


def between(content: float, points: list[tuple[float, float]]) -> tuple[float, bool]:
    """Return the Gram loss at a content loss, log-linear in measured pictures, and whether it lies between two."""
    points = sorted(points)
    nearest = next((pair for pair in pairwise(points) if content <= pair[1][0]), tuple(points[-2:]))
    (c0, g0), (c1, g1) = nearest
    share = (content - c0) / (c1 - c0)
    return math.exp(math.log(g0) + share * math.log(g1 / g0)), points[0][0] <= content <= points[-1][0]


class Easel:
    """Paints a pair with an encoder and a content weight, or reads what was painted before."""

    def __init__(self, folder: Path, steps: int, index: int, content: Tensor, style: Tensor) -> None:
        self.folder, self.steps, self.index = folder, steps, index
        self.content, self.style = content, style

    def __call__(self, name: str, encoder: str, weight: float, calibrated: bool) -> Tensor:
        """Return the picture."""
        file = self.folder / f"{self.index:02d}-{name}-{weight:g}-{self.steps}.png"
        if not file.exists():
            kind = Gatys if calibrated else Uncalibrated
            # The other encoders get the shares that suit ours, which suit them too.
            shares = () if calibrated else SHARES["slim19-half"]
            stage = kind(encoder=encoder, content_weight=weight, steps=self.steps, style_layer_weights=shares)
            pipe = impasto.Pipeline(stage)
            pipe(self.content, self.style).save(file)
        return impasto.read(file).tensor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--other", nargs="*", default=[], metavar="NAME=PATH", help="encoders without calibration")
    parser.add_argument("--only", nargs="*", default=["slim19-half", "slim19"], help="encoders to measure")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=Gatys.parameters()["steps"].default, help="at each level")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    photos = unseen_files(options.photos, options.pairs)
    paintings = unseen_files(options.paintings, options.pairs)
    teacher = impasto.encoder(options.teacher)
    named = [(name, name, True) for name in options.only]
    named += [(*one.split("=", 1), False) for one in options.other]
    default = Gatys.parameters()["content_weight"].default
    results: dict[str, list[float]] = {name: [] for name in ("vgg19", *(name for name, _, _ in named))}
    outside = 0
    for index, (photo, painting) in enumerate(zip(photos, paintings, strict=True)):
        content, style = square(photo), impasto.read(painting).tensor
        losses, paint = (
            ReferenceLosses(teacher, content, style),
            Easel(options.out, options.steps, index, content, style),
        )
        best = paint("vgg19", options.teacher, default, True)
        wanted, gram = losses(best)
        results["vgg19"].append(gram)
        shown = [content, torch.nn.functional.interpolate(style, (SIZE, SIZE)), best]
        for name, encoder, calibrated in named:
            weight, points, painted = default, [], []
            while len(points) < 2 or (len(points) < 5 and not between(wanted, points)[1]):
                painted.append(paint(name, encoder, weight, calibrated))
                points.append(losses(painted[-1]))
                # Too far from the content: hold it faster, until the wanted content loss lies between two.
                weight *= 4 if points[-1][0] > wanted else 0.25
            gram, inside = between(wanted, points)
            outside += not inside
            results[name].append(gram)
            shown.append(min(zip(points, painted, strict=True), key=lambda one: abs(one[0][0] - wanted))[1])
        save_image(torch.cat(shown, -1), options.out / f"row-{index:02d}.png")
        line = "".join(f"  {name} {values[-1]:.4f}" for name, values in results.items())
        print(f"{photo.stem[:26]:27}{painting.stem[:26]:27}content {wanted:.3f}{line}", flush=True)
    print(f"\nGram loss under VGG-19 at equal content loss, {len(photos)} pairs, {outside} extrapolated")
    print(f"{'':16}{'geometric mean':>16}{'arithmetic mean':>16}")
    for name, values in results.items():
        print(f"{name:16}{math.exp(numpy.mean(numpy.log(values))):16.4f}{numpy.mean(values):16.4f}")


if __name__ == "__main__":
    main()
