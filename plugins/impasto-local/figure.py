"""Draw figure.jpg, parts of a photograph painted by the network that ships, and comparison.jpg, others beside it."""

from pathlib import Path

import torch

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_adain import AdaIN
from impasto_gatys import Gatys
from impasto_local import Local

SIZE = 384
STYLES = ("chalk", "fauvism", "impasto", "ink-wash", "wave")
HERE = Path(__file__).parent


def grid(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where the pixels of a picture are, x and y, each from 0 to 1."""
    y, x = torch.meshgrid(*(torch.linspace(0, 1, side) for side in image.shape[-2:]), indexing="ij")
    return x, y


def painted(stage: impasto.Stage, image: torch.Tensor, where: torch.Tensor, *style: torch.Tensor) -> object:
    """Return the picture."""
    return impasto.Pipeline(stage)(image, *style, mask=where, device="cpu").pil()


cat, coffee = (impasto.samples.content(name, SIZE) for name in ("cat", "coffee"))
astronaut = impasto.samples.content("astronaut", SIZE)[..., :256, :]
x, y = grid(cat)
face = (((x - 0.42) / 0.3) ** 2 + ((y - 0.55) / 0.36) ** 2 < 1).float()
x, y = grid(coffee)
around = (((x - 0.49) / 0.24) ** 2 + ((y - 0.47) / 0.36) ** 2 >= 1).float()
x, y = grid(astronaut)
left = (x + 0.23 * y < 0.6).float()

style = {name: impasto.samples.style(name, SIZE) for name in STYLES}
panels = [Panel("local", name, painted(Local(), cat, face, style[name])) for name in STYLES]
for name in ("fauvism", "impasto", "wave"):
    panels.append(Panel("local", f"{name}, around", painted(Local(), cat, 1 - face, style[name])))
given = [
    Panel("content", "cat", impasto.read(cat).pil()),
    Panel("mask", "", impasto.read(face.expand(1, 3, -1, -1)).pil()),
]
contact_sheet(given, panels, "impasto-local").save(HERE / "figure.jpg", quality=82)

given, panels = [], []
for content, name, mask, painting in (
    (coffee, "coffee", around, "wave"),
    (cat, "cat", face, "fauvism"),
    (astronaut, "astronaut", left, "impasto"),
):
    given.append(Panel("content", name, impasto.read(content).pil()))
    for stage, note in ((Local(), painting), (AdaIN(), "with a mask"), (Gatys(), "with a mask")):
        panels.append(Panel(stage.name, note, painted(stage, content, mask, style[painting])))
contact_sheet(given, panels, "impasto-local").save(HERE / "comparison.jpg", quality=70)
