"""Paint docs/gallery: every stage of this repository on the same two pictures, with the recipe and what it took.

    python docs/pages/gallery.py [STAGE ...]

Without names it paints what has no picture yet.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import tomli_w
from PIL import Image, ImageDraw, ImageFilter

import impasto
from impasto.picture import write_cube
from impasto.stage import Canvas, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parents[1] / "gallery"
COSTS = Path("costs.toml")
SIZE = 384
CONTENT, STYLE = "coffee", "impasto"
LOOK = "match-color:target=image:strength=0.6"

SHOWN = {
    "analogy": "analogy:size=384",
    "gatys": "gatys:encoder=slim19:steps=40",
    "texture": "texture:encoder=slim19:steps=40",
    "reconstruct": "reconstruct:layer=relu4_1:encoder=slim19:steps=40",
    "nnst": "nnst:encoder=slim19",
    "lut": "lut:path=look.cube",
    "local": "saliency, grow-mask, local",
    "superpixels": "superpixels:gives=flat, adain",
    "segment-regions": "segment-regions:target=both, match-regions, adain",
    "match-regions": "segment-regions:target=both, match-regions:position=0, adain",
    "feather-regions": "segment-regions:target=both, match-regions, feather-regions, adain",
    "grow-mask": "saliency, grow-mask, adain",
    "shrink-mask": "saliency, shrink-mask:radius=6, adain",
    "feather-mask": "saliency, feather-mask:radius=16, adain",
    "fill-mask": "saliency, fill-mask, adain",
    "invert-mask": "saliency, invert-mask, adain",
    "matte-mask": "saliency, matte-mask, adain",
    "mask-grabcut": "mask-grabcut:box=0.1+0.02+0.85+1, adain",
    "mask-file": "mask-file:path=mask.png, adain",
    "mask-random-walker": "mask-random-walker:scribbles=scribbles.png, adain",
    "segment-scribbles": "segment-scribbles:scribbles=scribbles.png:labels=cup=white+table=black, adain",
    "mask-rectangle": "mask-rectangle:left=0:right=0.5:top=0:bottom=1, adain",
    "pad": "pad:border=32, adain, restore-size",
    "resize": "resize:size=160, adain, restore-size",
    "restore-size": "resize:size=160, adain, restore-size",
    "seamless": "saliency, adain, seamless",
    "upscale-guided": "resize:size=160, adain, upscale-guided",
}
"""Pipelines that show a stage where the usual one, alone or beside adain, does not."""

NOT_SHOWN = {
    "mask-faces": "there is no face in the gallery's photograph",
    "semantic": "its network is downloaded when it is first used",
    "gatys-video": "it holds the frames of a clip together, and paints a still picture as gatys does",
    "steady": "it changes clips, and leaves a still picture as it is",
    "microast": "its networks are its authors', and do not ship",
}
"""Stages without a picture, and why."""


class Times:
    """Notes the seconds of the processor that each stage takes, without the loading of its network."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage: Stage) -> Iterator[None]:
        """Note how long a stage runs."""
        began = time.process_time()
        result: Canvas = yield  # type: ignore[misc, assignment]
        self.seconds[stage.name] = time.process_time() - began
        return result  # type: ignore[return-value]


def draw_inputs() -> None:
    """Write what stages read: a mask of cup and saucer, strokes, white on them and black beside them, and a look."""
    width, height = SIZE, SIZE * 2 // 3
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((46, 8, 312, 252), fill=255)
    mask.filter(ImageFilter.GaussianBlur(6)).save("mask.png")
    strokes = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(strokes)
    draw.line((140, 40, 130, 100, 200, 120, 245, 60), fill="white", width=10)
    draw.line((70, 150, 110, 215, 200, 230, 285, 170), fill="white", width=10)
    draw.line((10, 20, 25, 130, 15, 240), fill="black", width=10)
    draw.line((330, 15, 350, 130, 335, 240), fill="black", width=10)
    strokes.save("scribbles.png")
    cup, style = impasto.samples.content(CONTENT, SIZE), impasto.samples.style(STYLE, SIZE)
    look = impasto.Pipeline.parse(LOOK).to_lut(cup, style, size=17).cube
    write_cube(replace(look, table=look.table[::2, ::2, ::2]), "look.cube")


def pipeline(stage: type[Stage]) -> impasto.Pipeline:
    """Return the pipeline that shows a stage: a stylizer alone, any other before or after adain."""
    name = stage.name
    usual = {"preprocessor": f"{name}, adain", "postprocessor": f"adain, {name}"}.get(stage.kind, name)
    return impasto.Pipeline.parse(SHOWN.get(name, usual))


def paint(stage: type[Stage]) -> None:
    """Write a stage's picture and recipe, and what it took on one thread."""
    shown = pipeline(stage)
    wanted = any(one.style == "required" for one in shown.stages)
    times = Times()
    for size in (64, SIZE):  # the small one loads the networks
        style = impasto.samples.style(STYLE, size) if wanted else None
        painted = shown(impasto.samples.content(CONTENT, size), style, device="cpu", plugins=[times])
    painted.save(f"{stage.name}.webp", quality=82)
    Path(f"{stage.name}.toml").write_text(shown.to_toml(), encoding="utf-8")
    costs = tomllib.loads(COSTS.read_text(encoding="utf-8")) if COSTS.exists() else {}
    costs[stage.name] = round(times.seconds[stage.name], 2)
    COSTS.write_text(tomli_w.dumps(dict(sorted(costs.items()))), encoding="utf-8")
    print(f"{stage.name}: {times.seconds[stage.name]:.1f} s: {shown!r}", flush=True)


def main() -> None:
    """Paint the stages that are asked for, or those that have no picture."""
    FOLDER.mkdir(exist_ok=True)
    os.chdir(FOLDER)  # where recipes find the mask and the strokes
    draw_inputs()
    impasto.read(impasto.samples.content(CONTENT, SIZE)).save("content.webp", quality=82)
    impasto.read(impasto.samples.style(STYLE, SIZE)).save("style.webp", quality=82)
    stages = impasto.get_host().stages
    ours = {path.name for path in (ROOT / "plugins").iterdir()}
    shown = [name for name in stages if impasto.get_host().distribution(stages[name]).split()[0] in ours]
    missing = [name for name in shown if name not in NOT_SHOWN and not Path(f"{name}.webp").exists()]
    for name in sys.argv[1:] or missing:
        paint(stages[name])


if __name__ == "__main__":
    main()
