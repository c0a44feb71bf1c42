"""Show what each stage of impasto-segment does to a photograph: writes figure.jpg beside this file."""

import tempfile
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

import impasto
from impasto.functional.color import luma
from impasto.notebook import Panel, contact_sheet
from impasto.stage import Canvas, Style

WIDTH = 480  # of the panels; the sheet is drawn at this size and halved
COLOURS = torch.tensor(
    [
        *([0.85, 0.35, 0.25], [0.25, 0.55, 0.85], [0.95, 0.8, 0.3], [0.4, 0.75, 0.45]),
        *([0.6, 0.4, 0.7], [0.95, 0.6, 0.3], [0.5, 0.85, 0.85], [0.8, 0.5, 0.6]),
    ]
)


def lit(canvas: Canvas) -> Tensor:
    """Return the picture with what the mask leaves out in the dark."""
    dark = 0.25 * luma(canvas.image) + torch.tensor([0.0, 0.02, 0.05]).view(1, 3, 1, 1)
    return canvas.image.lerp(dark, 1 - canvas.mask)


def coloured(image: Tensor, guides: Tensor) -> Tensor:
    """Return the picture with a colour for each region."""
    colours = torch.einsum("bkhw,kc->bchw", guides, COLOURS[torch.arange(guides.shape[1]) % len(COLOURS)])
    return (0.7 * colours * (0.4 + luma(image)) + 0.25 * image).clamp(0, 1)


def drawings(folder: Path, size: tuple[int, int]) -> None:
    """Draw what a person would: labels, a ring and strokes over the cup, and the rough outline of the astronaut."""
    unit = size[0] / 450

    def draw(name: str, ground: str, *shapes: tuple[str, tuple[float, ...], str]) -> None:
        picture = Image.new("RGB", size, ground)
        pen = ImageDraw.Draw(picture)
        for kind, place, colour in shapes:
            scaled = [unit * value for value in place]
            if kind == "area":
                pen.polygon(scaled, colour)
            elif kind == "line":
                pen.line(scaled, colour, round(6 * unit))
            else:
                pen.ellipse(scaled, colour)
        picture.save(folder / name)

    cup = (128, 12, 308, 160)
    draw("labels.png", "red", ("disc", (56, 92, 360, 288), "blue"), ("disc", cup, "yellow"))
    draw("ring.png", "black", ("disc", cup, "white"), ("disc", (145, 30, 290, 148), "black"))
    suit = (
        35,
        300,
        55,
        222,
        100,
        185,
        105,
        150,
        140,
        125,
        162,
        122,
        165,
        90,
        235,
        90,
        230,
        155,
        275,
        200,
        318,
        282,
        318,
        300,
    )
    draw("outline.png", "black", ("disc", (131, 10, 269, 130), "white"), ("area", suit, "white"))
    strokes = [
        ("line", (200, 60, 260, 120), "white"),
        ("line", (70, 180, 345, 180), "white"),
        ("line", (110, 130, 90, 200, 150, 262, 280, 268), "white"),
    ]
    around = [
        ("line", (110, 30, 10, 20, 20, 180, 70, 290), "black"),
        ("line", (330, 292, 440, 280), "black"),
        ("line", (430, 20, 440, 280), "black"),
    ]
    draw("strokes.png", "grey", *strokes, *around)
    regions = [
        ("line", (170, 100, 260, 120), "yellow"),
        ("line", (80, 190, 330, 200), "blue"),
        ("line", (10, 20, 110, 30), "red"),
    ]
    draw("regions.png", "grey", *regions, ("line", (430, 20, 440, 280), "red"))


def main() -> None:
    """Write the figure."""
    content, woman = impasto.samples.content("coffee", WIDTH), impasto.samples.content("astronaut", WIDTH)
    woman = woman[..., : content.shape[-2], :]
    style = impasto.samples.style("wave", (320, WIDTH))
    cup, portrait = (Canvas(picture, picture, (Style(style),)) for picture in (content, woman))

    def run(text: str, canvas: Canvas = cup) -> Canvas:
        for stage in impasto.Pipeline.parse(text.replace("@", f"{folder}/")).stages:
            canvas = stage.apply(canvas)
        return canvas

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawings(folder, (content.shape[-1], content.shape[-2]))
        box = "box=0.1+0.02+0.83+0.97"
        cut = run(f"mask-grabcut:{box}")
        outline = run("mask-file:path=@outline.png", portrait)
        pairs = run("segment-regions:target=both, match-regions")
        shown = [
            ("mask-file", "grey or alpha", lit(run("mask-file:path=@ring.png"))),
            ("mask-file", "labels", coloured(content, run("mask-file:path=@labels.png").guides)),
            ("mask-rectangle", "", lit(run("mask-rectangle"))),
            ("mask-grabcut", "from a box", lit(cut)),
            ("mask-random-walker", "from strokes", lit(run("mask-random-walker:scribbles=@strokes.png"))),
            ("saliency", "", lit(run("saliency"))),
            ("grow-mask", "20 px", lit(run("grow-mask:radius=20", cut))),
            ("shrink-mask", "20 px", lit(run("shrink-mask:radius=20", cut))),
            ("feather-mask", "20 px", lit(run("feather-mask:radius=20", cut))),
            ("invert-mask", "", lit(run("invert-mask", cut))),
            ("fill-mask", "of the ring", lit(run("mask-file:path=@ring.png, fill-mask"))),
            ("mask-file", "a rough outline", lit(outline)),
            ("matte-mask", "of the outline", lit(run("matte-mask:band=14", outline))),
            ("superpixels", "60", coloured(content, run("superpixels:count=60").guides)),
            ("segment-regions", "4", coloured(content, pairs.guides)),
            (
                "segment-scribbles",
                "from strokes",
                coloured(
                    content,
                    run("segment-scribbles:scribbles=@regions.png:labels=table=red+saucer=blue+cup=yellow").guides,
                ),
            ),
            ("feather-regions", "20 px", coloured(content, run("feather-regions:radius=20", pairs).guides)),
            ("match-regions", "the style's regions", coloured(style, pairs.styles[0].guides)),
        ]
    given = [Panel("content", "coffee", impasto.read(content).pil()), Panel("style", "wave", impasto.read(style).pil())]
    panels = [Panel(name, note, impasto.read(picture.clamp(0, 1)).pil()) for name, note, picture in shown]
    sheet = contact_sheet(given, panels, "impasto-segment")
    small = sheet.resize((1800, round(sheet.height * 1800 / sheet.width)), Image.Resampling.LANCZOS)
    small.save(Path(__file__).with_name("figure.jpg"), quality=82, optimize=True)


if __name__ == "__main__":
    main()
