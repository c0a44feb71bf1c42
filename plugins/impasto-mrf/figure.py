"""Draw figure.jpg: what each stage of impasto-mrf makes of a photograph, and of a doodle."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Style
from impasto.notebook import Panel, contact_sheet
from impasto_mrf import MRF, Quilt

SIZE = 320

content = impasto.samples.content("cat", SIZE)
style, other = (impasto.samples.style(name, SIZE) for name in ("impasto", "mosaic"))
height, width = content.shape[-2:]


def regions(*shapes: Tensor) -> Tensor:
    """Return guides (1, K + 1, H, W): what no shape covers, and each shape but for those after it."""
    label = torch.zeros_like(shapes[0], dtype=torch.long)
    for number, shape in enumerate(shapes, 1):
        label[shape] = number
    return F.one_hot(label, len(shapes) + 1).permute(2, 0, 1)[None].float()


def disc(x: Tensor, y: Tensor, left: float, top: float, radius: float) -> Tensor:
    """Return the inside of a circle."""
    return (x - left) ** 2 + (y - top) ** 2 < radius**2


# Of the painting: sky, hills, cypress and moon.
y, x = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
cypress = ((x - 0.15).abs() < 0.07 * (y - 0.35).clamp_min(0).sqrt() + 0.02) & (y > 0.36)
labels = regions(y > 0.8 - 0.08 * x, cypress, disc(x, y, 0.79, 0.18, 0.14))

# Of the doodle, in the photograph's shape.
y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, width / height, width), indexing="ij")
trees = [((x - left).abs() < 0.2 * (y - top).clamp(0, 0.25)) & (y < 0.95) for left, top in ((0.95, 0.2), (1.2, 0.35))]
drawn = regions(y > 0.7 + 0.1 * torch.cos(4 * x), trees[0] | trees[1], disc(x, y, 0.35, 0.3, 0.2))
colors = torch.tensor([[0.35, 0.5, 0.8], [0.6, 0.65, 0.3], [0.15, 0.25, 0.2], [0.95, 0.85, 0.4]])
doodle = torch.einsum("kc,bkhw->bchw", colors, drawn)


def panel(note: str, stage: impasto.Stage, image: Tensor = content, styles: object = style, **options: object) -> Panel:
    """Return what a stage makes of a picture."""
    picture = impasto.Pipeline(stage)(image, styles, device="cpu", **options)
    return Panel(stage.name, note, picture.pil())


painting = Style(style, guides=labels)
panels = [
    panel("", MRF()),
    panel("content_weight 0.2", MRF(content_weight=0.2)),
    panel("two styles, 2 to 1", MRF(), styles=[Style(style, weight=2), Style(other)]),
    panel("texture", MRF(content_weight=0, init="patches")),
    panel("", Quilt()),
    panel("texture", Quilt(alpha=(1,))),
    Panel("a doodle", "four regions", impasto.read(doodle).pil()),
    panel("the doodle, guided", MRF(content_weight=0), doodle, painting, guides=drawn),
]
given = [
    Panel("content", "cat", impasto.read(content).pil()),
    Panel("style", "impasto", impasto.read(style).pil()),
]
if __name__ == "__main__":
    contact_sheet(given, panels, "impasto-mrf").save(Path(__file__).parent / "figure.jpg", quality=85)
