"""Draw figure.jpg: what impasto-nnst makes of a photograph."""

from pathlib import Path

import torch

import impasto
from impasto import Style
from impasto.notebook import Panel, contact_sheet
from impasto_nnst import NNST

SIZE, ENCODER = 240, "slim19"

content = impasto.samples.content("cat", SIZE)
style, other = (impasto.samples.style(name, SIZE) for name in ("impasto", "mosaic"))
height, width = content.shape[-2:]

y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
face = (((x - 0.57) / 0.27) ** 2 + ((y - 0.48) / 0.4) ** 2 < 1).float()[None, None]


def panel(note: str, styles: list[Style] | None = None, guides: object = None, **values: object) -> Panel:
    """Return what the stage makes of the photograph."""
    stage = NNST(encoder=ENCODER, **values)
    picture = impasto.Pipeline(stage)(content, styles or style, device="cpu", guides=guides)
    return Panel(stage.name, note, picture.pil())


panels = [
    panel(""),
    panel("alpha 0.3", alpha=0.3),
    panel("coarsest 120", coarsest=120),
    panel("strokes 0", strokes=0),
    panel("colors moved", colors="moved"),
    panel("a style for each region", [Style(style, region="face"), Style(other, region="rest")], {"face": face}),
]
given = [
    Panel("content", "cat", impasto.read(content).pil()),
    Panel("style", "impasto", impasto.read(style).pil()),
]
if __name__ == "__main__":
    contact_sheet(given, panels, "impasto-nnst").save(Path(__file__).parent / "figure.jpg", quality=85)
