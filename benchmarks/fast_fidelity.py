"""How well our fast network paints the styles it has learned: beside AdaIN and Gatys, on photographs no training saw.

    python benchmarks/fast_fidelity.py --teacher vgg19.pth --photos DIR --out DIR [--size 256] [--photographs 2]

By VGG-19 as in `onepass_fidelity.py`: content is the relative squared error at relu4_1, style that of means and
deviations.  *Gram* is the relative squared error of Gram matrices, summed over the same layers.  Gatys is the stage as
it comes, several hundred steps of what the fast network learned to do at once.  Means over all pairs of a style and a
photograph.  Finished pictures in --out are not painted again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from encoder_fidelity import unseen_files
from onepass_fidelity import ReferenceLosses, square

import impasto
from impasto.functional.metrics import gram_loss
from impasto.weights import find
from impasto_adain import AdaIN
from impasto_fast import FAST, Fast, load_network
from impasto_gatys import Gatys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--photographs", type=int, default=2, help="for each style, others for each")
    parser.add_argument("--size", type=int, default=256, help="in pixels, also of the styles")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = impasto.encoder(options.teacher)
    names = load_network(find(FAST)).styles
    photos = unseen_files(options.photos, options.photographs * len(names))
    found: dict[str, list[tuple[float, float, float]]] = {}
    for index, photo in enumerate(photos):
        name = names[index % len(names)]
        content = square(photo, options.size)
        style = impasto.samples.style(name, options.size)
        losses = ReferenceLosses(teacher, content, style)
        pictures = {"content itself": content}
        for method, stage in (("fast", Fast(styles=(name,))), ("AdaIN", AdaIN()), ("Gatys", Gatys())):
            file = options.out / f"{index:02d}-{name}-{method}.png"
            if not file.exists():
                impasto.Pipeline(stage)(content, None if method == "fast" else style).save(file)
            pictures[method] = impasto.read(file).tensor
        for method, picture in pictures.items():
            with torch.no_grad():
                found.setdefault(method, []).append(
                    (*losses(picture), gram_loss(losses.features(picture), losses.style).item())
                )
        print(f"{index + 1} of {len(photos)}: {photo.name}, {name}", flush=True)
    print("\n| | content | style | Gram |\n|---|---|---|---|")
    for method, losses in found.items():
        content_loss, style_loss, gram = (sum(column) / len(column) for column in zip(*losses, strict=True))
        print(f"| {method} | {content_loss:.3f} | {style_loss:.3f} | {gram:.3f} |")


if __name__ == "__main__":
    main()
