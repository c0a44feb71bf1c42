"""Whether one-pass stages paint a frame along the border, and a hole into a flat sky.

    python benchmarks/borders.py [--contents FILE …] [--styles FILE …] [--stages adain wct …] [--size 384] [--out DIR]

Border: a picture is painted alone, and as the middle of one that goes on for 64 pixels on each side, as the photograph
does or as in a mirror.  What differs is measured in the outer 12 pixels, the ring, and in the rest, the inside, in
levels of 8 bits.  The mirror tells of the network's border, the photograph of what nobody can know as well.

Sky: the upper two thirds of a picture are made white, black, or a gradient.  Detail, the mean absolute Laplacian of
what is painted, is measured in the middle of that sky and near its edge.

Contents and styles are the sample pictures unless others are named.  With --out the skies are saved.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto.functional import luma

SURROUNDINGS, RING = 64, 12
STAGES = ("adain", "wct", "fast", "cyclegan", "local")
WITHOUT_HOLE = ("adain", "wct", "fast", "local")
SKIES = ("white", "black", "gradient")


def picture(name: str, kind: str, side: int) -> Tensor:
    """Return a sample picture by its name or any by its path, the middle square of it with a given side."""
    if Path(name).is_file():
        image = impasto.read(name).visible
    else:
        image = impasto.samples.content(name) if kind == "content" else impasto.samples.style(name, side)
    height, width = image.shape[-2:]
    scale = side / min(height, width)
    goal = [max(side, round(length * scale)) for length in (height, width)]
    image = F.interpolate(image, goal, mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (goal[0] - side) // 2, (goal[1] - side) // 2
    return image[..., top : top + side, left : left + side]


def needs_style(stage: str) -> bool:
    """Return whether a stage looks at the style picture."""
    return impasto.Pipeline.parse(stage).stages[0].style != "ignored"


def paint(stage: str, content: Tensor, style: Tensor) -> Tensor:
    """Return what a stage paints, on the CPU."""
    needed = (style,) if needs_style(stage) else ()
    return impasto.Pipeline.parse(stage)(content, *needed, device="cpu").tensor


def border(stage: str, content: Tensor, style: Tensor) -> list[float]:
    """Return how far ring and inside are from those of a picture that goes on, as it does and mirrored."""
    inner = (..., *(slice(SURROUNDINGS, -SURROUNDINGS),) * 2)
    alone = paint(stage, content[inner], style)
    found = []
    for surrounded in (content, F.pad(content[inner], (SURROUNDINGS,) * 4, mode="reflect")):
        difference = (alone - paint(stage, surrounded, style)[inner]).abs().mul(255).mean((0, 1))
        ring = torch.ones_like(difference, dtype=torch.bool)
        ring[RING:-RING, RING:-RING] = False
        found += [difference[ring].mean().item(), difference[~ring].mean().item()]
    return found


def under_sky(content: Tensor, sky: str) -> tuple[Tensor, Tensor]:
    """Return a picture whose upper part is a flat sky, and how far each pixel lies above the skyline, (H, W)."""
    side = content.shape[-1]
    across = torch.linspace(0, 1, side)
    skyline = side * (0.68 + 0.05 * (7 * across).sin() + 0.03 * (31 * across).sin())
    above = skyline - torch.arange(side)[:, None]
    ramp = across[:, None].expand(side, side)
    flat = {
        "white": torch.ones(3, side, side),
        "black": torch.zeros(3, side, side),
        "gradient": torch.stack([0.35 + 0.45 * ramp, 0.55 + 0.35 * ramp, 0.85 + 0.1 * ramp]),
    }[sky]
    return torch.where(above > 0, flat, content), above


def detail(painted: Tensor, above: Tensor) -> float:
    """Return the detail in the middle of a sky relative to that near its edge, away from the picture's border."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    laplacian = F.conv2d(F.pad(luma(painted), (1, 1, 1, 1), mode="replicate"), kernel).abs()[0, 0]
    side = above.shape[-1]
    place = torch.arange(side)
    inside = torch.minimum(place, side - 1 - place) > 48
    inside = inside & (place[:, None] > 48)
    near, middle = inside & (above > 6) & (above < 30), inside & (above > 110)
    return (laplacian[middle].mean() / laplacian[near].mean()).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contents", nargs="+", default=["astronaut", "coffee", "rocket"], help="samples or files")
    parser.add_argument("--styles", nargs="+", default=["impasto", "wave", "mosaic"], help="samples or files")
    parser.add_argument("--stages", nargs="+", default=list(STAGES), help="as in impasto paint --with")
    parser.add_argument("--size", type=int, default=384, help="side of the pictures in pixels, at least 320")
    parser.add_argument("--out", type=Path, help="folder for the painted skies")
    options = parser.parse_args()
    size = options.size
    if size < 320:
        parser.error("--size: at least 320, for a sky to have a middle")
    styles = [picture(name, "style", size) for name in options.styles]
    print(f"{size} pixels, contents {', '.join(options.contents)}, styles {', '.join(options.styles)}")
    print("\n| stage | photograph: ring | inside | ratio | mirror: ring | inside | ratio |\n|" + "---|" * 7)
    for stage in options.stages:
        found = [
            border(stage, picture(name, "content", size + 2 * SURROUNDINGS), style)
            for name in options.contents
            for style in (styles if needs_style(stage) else styles[:1])
        ]
        ring, inside, mirrored_ring, mirrored = torch.tensor(found).mean(0).tolist()
        print(
            f"| {stage} | {ring:.2f} | {inside:.2f} | {ring / inside:.2f} "
            f"| {mirrored_ring:.2f} | {mirrored:.2f} | {mirrored_ring / mirrored:.2f} |",
            flush=True,
        )
    print("\nDetail in the middle of a sky over that near its edge, least to most over the styles")
    print("\n| stage | " + " | ".join(SKIES) + " |\n|" + "---|" * (1 + len(SKIES)))
    content = picture(options.contents[0], "content", size)
    for stage in (stage for stage in options.stages if stage.partition(":")[0] in WITHOUT_HOLE):
        cells = []
        for sky in SKIES:
            image, above = under_sky(content, sky)
            details = []
            for index, style in enumerate(styles if needs_style(stage) else styles[:1]):
                painted = paint(stage, image, style)
                details.append(detail(painted, above))
                if options.out:
                    options.out.mkdir(parents=True, exist_ok=True)
                    impasto.read(painted).save(options.out / f"{stage.replace(':', '-')}-{sky}-{index}.png")
            cells.append(f"{min(details):.2f} to {max(details):.2f}")
        print(f"| {stage} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
