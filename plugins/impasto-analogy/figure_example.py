"""Draw example.jpg: a landscape painted by numbers, and a filter learnt from one pair of pictures."""

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_analogy import AnalogyByExample

SIZE = 320
SKY, WATER, MEADOW, TREE = (245, 190, 170), (90, 120, 200), (120, 190, 70), (20, 90, 60)
Shape = tuple[str, tuple[int, int, int], list[float]]

LABELS: list[Shape] = [
    ("rectangle", WATER, [0, 0.47, 1, 1]),
    ("polygon", MEADOW, [0, 0.72, 0.3, 0.8, 0.55, 0.93, 0.75, 0.97, 0.8, 0.9, 1, 0.85, 1, 1, 0, 1]),
    ("ellipse", TREE, [-0.1, -0.1, 0.42, 0.25]),
    ("ellipse", TREE, [-0.1, 0, 0.25, 0.38]),
    ("polygon", TREE, [0.17, 0.3, 0.22, 0.3, 0.19, 0.8, 0.12, 0.8]),
]
MAP: list[Shape] = [
    ("rectangle", MEADOW, [0, 0.4, 1, 1]),
    ("polygon", WATER, [0.55, 0.4, 0.7, 0.4, 0.45, 0.6, 0.75, 0.8, 0.9, 1, 0.1, 1, 0.2, 0.75, 0.3, 0.55]),
    ("ellipse", TREE, [0.6, 0.05, 0.98, 0.35]),
    ("ellipse", TREE, [0.55, 0.15, 0.85, 0.4]),
    ("polygon", TREE, [0.76, 0.3, 0.82, 0.3, 0.83, 0.75, 0.75, 0.75]),
]


def label_map(shapes: list[Shape]) -> Image.Image:
    """Return shapes, given as shares of the side, painted in the colours of their labels."""
    picture = Image.new("RGB", (SIZE, SIZE), SKY)
    draw = ImageDraw.Draw(picture)
    for kind, color, points in shapes:
        getattr(draw, kind)([point * SIZE for point in points], fill=color)
    return picture


with tempfile.TemporaryDirectory() as folder:
    labels, before = f"{folder}/labels.png", f"{folder}/before.png"
    label_map(LABELS).save(labels)
    landscape, wanted = impasto.samples.style("pointillism", SIZE), label_map(MAP)
    painted = impasto.Pipeline(AnalogyByExample(example=labels))(wanted, landscape, device="cpu")

    astronaut, cat = impasto.samples.content("astronaut", SIZE), impasto.samples.content("cat", SIZE)
    night = impasto.samples.style("impasto", SIZE)
    impasto.read(astronaut).pil().save(before)
    after = impasto.Pipeline.parse("gatys:steps=20")(astronaut, impasto.samples.style("woodcut", SIZE), device="cpu")
    filtered = impasto.Pipeline(AnalogyByExample(example=before))(cat, after, device="cpu")
    alone = impasto.Pipeline(AnalogyByExample())(cat, night, device="cpu")

panels = [
    Panel("content", "B: a map painted anew", wanted),
    Panel("analogy-by-example", "B'", painted.pil()),
    Panel("example", "A", impasto.read(astronaut).pil()),
    Panel("style", "A': A by gatys", after.pil()),
    Panel("content", "B", impasto.read(cat).pil()),
    Panel("analogy-by-example", "B'", filtered.pil()),
    Panel("style", "A' alone", impasto.read(night).pil()),
    Panel("analogy-by-example", "B', without an example", alone.pil()),
]
given = [Panel("example", "A: labels", label_map(LABELS)), Panel("style", "A'", impasto.read(landscape).pil())]
contact_sheet(given, panels, "impasto-analogy").save(Path(__file__).parent / "example.jpg", quality=85)
