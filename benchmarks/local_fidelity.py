"""How well our local network paints inside a mask: beside any stylizer with a mask, on photographs no training saw.

    python benchmarks/local_fidelity.py --teacher vgg19.pth --photos DIR --out DIR [--size 256] [--photographs 10]

Measured by VGG-19 inside the mask: content is the relative squared error at relu4_1, style the relative errors of Gram
matrices at relu1_1 to relu4_1, summed.  *Seam* is the root mean square of the step that the change of the picture makes
from pixel to pixel where the mask makes one.  Each photograph has a random mask and one of the styles that the network
has learned; means over all.  Seconds are of a first painting.  Finished pictures in --out are not painted again, so
delete a folder whose networks have changed; beside each lies one of mask and style.
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
from impasto_adain import AdaIN
from impasto_gatys import Gatys
from impasto_local import STYLES, Local, random_mask
from impasto_local.network import resize_mask
from impasto_local.training import content_loss, seam_loss

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
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--photographs", type=int, default=10)
    parser.add_argument("--size", type=int, default=256, help="in pixels, also of the styles")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = impasto.encoder(options.teacher)
    rng = torch.Generator().manual_seed(11)
    found: dict[str, list[tuple[float, ...]]] = {}
    seconds: dict[str, list[float]] = {}
    for index, photo in enumerate(unseen_files(options.photos, options.photographs)):
        name = STYLES[index % len(STYLES)]
        content, style = square(photo, options.size), impasto.samples.style(name, options.size)
        mask = random_mask(options.size, rng)
        while mask.min() == 1:
            mask = random_mask(options.size, rng)
        pictures = {"photograph itself": content}
        for method, stage in (
            ("local", Local(paint=name)),
            ("adain with a mask", AdaIN()),
            ("adain, covariance", AdaIN(statistic="covariance")),
            ("gatys with a mask", Gatys()),
        ):
            file = options.out / f"{index:02d}-{name}-{method.replace(' ', '-')}.png"
            if not file.exists():
                start = time.perf_counter()
                painted = impasto.Pipeline(stage)(content, None if method == "local" else style, mask=mask)
                seconds.setdefault(method, []).append(time.perf_counter() - start)
                painted.save(file)
            pictures[method] = impasto.read(file).tensor
        impasto.show(mask, style).save(options.out / f"{index:02d}-{name}.png")
        for method, picture in pictures.items():
            with torch.no_grad():
                found.setdefault(method, []).append(losses(teacher, picture, content, mask, style))
        print(f"{index + 1}: {photo.name}, {name}", flush=True)
    print("\n| | content | style | seam | seconds |\n|---|---|---|---|---|")
    for method, rows in found.items():
        means = " | ".join(f"{sum(column) / len(column):.3f}" for column in zip(*rows, strict=True))
        took = seconds.get(method, [])
        print(f"| {method} | {means} | {f'{sorted(took)[len(took) // 2]:.2f}' if took else ''} |")


if __name__ == "__main__":
    main()
