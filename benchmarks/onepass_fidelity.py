"""How well one pass paints: AdaIN and WCT on twenty pairs that no training has seen, measured by VGG-19.

    python benchmarks/onepass_fidelity.py --teacher vgg19.pth --photos DIR --paintings DIR --out DIR
        [--adain NAME=ENCODER,DECODER …] [--wct NAME=ENCODER,DECODERS …] [--gatys]

Content is the relative squared error at relu4_1.  Style is that of Huang and Belongie 2017: squared errors of means
and deviations at relu1_1 … relu4_1, each relative to the style's, summed.  *Taken away* is the share of the untouched
content's style loss that is gone, of the means over pairs.  *Identity* is the PSNR of a content that is its own style.
Gatys minimises the same style loss for 300 steps.  Finished pictures in --out are not painted again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from encoder_fidelity import unseen_files
from torch import Tensor

import impasto
from impasto.functional.metrics import content_loss, mean_std_loss
from impasto_adain import AdaIN
from impasto_wct import WCT

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def square(path: Path, size: int) -> Tensor:
    """Return the middle of a picture as (1, 3, size, size)."""
    image = impasto.read(path).tensor
    side = min(image.shape[-2:])
    top, left = (image.shape[-2] - side) // 2, (image.shape[-1] - side) // 2
    image = image[..., top : top + side, left : left + side]
    return torch.nn.functional.interpolate(image, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


class ReferenceLosses:
    """VGG-19's content loss and mean/deviation loss of pictures that should have this content and this style."""

    def __init__(self, teacher: impasto.Encoder, content: Tensor, style: Tensor) -> None:
        self.teacher = teacher
        self.content, self.style = self.features(content), self.features(style)

    @torch.no_grad()
    def features(self, picture: Tensor) -> dict[str, Tensor]:
        """Return VGG-19's features, in bfloat16 and then float32: the same for all that is compared."""
        with torch.autocast("cpu", torch.bfloat16):
            return {layer: x.float() for layer, x in self.teacher.features(picture, LAYERS).items()}

    def __call__(self, picture: Tensor) -> tuple[float, float]:
        """Return both losses, relative."""
        features = self.features(picture)
        return content_loss(features, self.content).item(), mean_std_loss(features, self.style).item()


def networks(named: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Read NAME=ENCODER,DECODER."""
    return [(name, files.split(",")) for name, files in (one.split("=", 1) for one in named)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19", help="VGG-19: a name or a file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument(
        "--adain", nargs="*", default=[], metavar="NAME=ENCODER,DECODER", help="AdaIN networks beside ours"
    )
    parser.add_argument(
        "--wct", nargs="*", default=[], metavar="NAME=ENCODER,DECODERS", help="WCT networks beside ours"
    )
    parser.add_argument("--alpha", type=float, nargs="*", default=[1.0], help="of WCT")
    parser.add_argument("--levels", type=int, nargs="*", default=[5, 4, 3, 2, 1], help="of WCT")
    parser.add_argument("--gatys", action="store_true", help="Gatys beside them, which takes long")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    stages: dict[str, impasto.Stylizer] = {"AdaIN": AdaIN(), "AdaIN mean-std": AdaIN(statistic="mean-std")}
    for name, (encoder, decoder) in networks(options.adain):
        stages[f"AdaIN {name}"] = AdaIN(encoder=encoder, decoder=decoder)
    levels = tuple(options.levels)
    for alpha in options.alpha:
        stages[f"WCT {alpha:g}"] = WCT(alpha=alpha, levels=levels)
        for name, (encoder, decoders) in networks(options.wct):
            stages[f"WCT {alpha:g} {name}"] = WCT(alpha=alpha, levels=levels, encoder=encoder, decoders=decoders)
    if options.gatys:
        from impasto_gatys import Gatys

        stages["Gatys"] = Gatys(steps=300, coarsest=8192, statistic="mean-std", style_layers=LAYERS)
    photos = unseen_files(options.photos, options.pairs)
    paintings = unseen_files(options.paintings, options.pairs)
    teacher = impasto.encoder(options.teacher)
    found: dict[str, list[tuple[float, float]]] = {"content itself": []} | {name: [] for name in stages}
    identity: dict[str, list[float]] = {name: [] for name in found}
    for index, (photo, painting) in enumerate(zip(photos, paintings, strict=True)):
        content, style = square(photo, options.size), square(painting, options.size)
        losses = ReferenceLosses(teacher, content, style)
        found["content itself"].append(losses(content))
        for name, stage in stages.items():
            files = [options.out / f"{index:02d}-{name.replace(' ', '-')}{suffix}.png" for suffix in ("", "-own")]
            for file, manner in zip(files, (style, content), strict=True):
                if not file.exists() and not (name == "Gatys" and manner is content):
                    impasto.Pipeline(stage)(content, manner).save(file)
            found[name].append(losses(impasto.read(files[0]).tensor))
            if files[1].exists():
                error = (impasto.read(files[1]).tensor - content).square().mean()
                identity[name].append(-10 * error.log10().item())
        print(f"{index + 1} of {options.pairs}: {photo.name}, {painting.name}", flush=True)
    untouched = sum(style for _, style in found["content itself"])
    print("\n| | content | style | taken away | identity |\n|---|---|---|---|---|")
    for name, losses in found.items():
        content_loss = sum(content for content, _ in losses) / len(losses)
        style_loss = sum(style for _, style in losses) / len(losses)
        share = 1 - style_loss * len(losses) / untouched
        same = f"{sum(identity[name]) / len(identity[name]):.1f} dB" if identity[name] else ""
        print(f"| {name} | {content_loss:.3f} | {style_loss:.3f} | {share:.0%} | {same} |")


if __name__ == "__main__":
    main()
