"""Draw figure.jpg: what each stage of impasto-gatys makes of a photograph."""

from pathlib import Path

import torch

import impasto
from impasto import Style
from impasto.notebook import Panel, contact_sheet
from impasto_gatys import Gatys, Reconstruct, Texture

SIZE = 320

content = impasto.samples.content("cat", SIZE)
style, other = (impasto.samples.style(name, SIZE) for name in ("impasto", "mosaic"))
height, width = content.shape[-2:]

y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
face = (((x - 0.57) / 0.27) ** 2 + ((y - 0.48) / 0.4) ** 2 < 1).float()[None, None]


def panel(note: str, stage: impasto.Stage, styles: list[Style] | None = None, **options: object) -> Panel:
    """Return what a stage makes of the photograph."""
    picture = impasto.Pipeline(stage)(content, styles or style, device="cpu", **options)
    return Panel(stage.name, note, picture.pil())


both = [Style(style, region="face"), Style(other, region="rest")]
panels = [
    panel("", Gatys()),
    panel("content_weight 0.02", Gatys(content_weight=0.02)),
    panel("style_scale 0.4", Gatys(style_scale=0.4)),
    panel("two styles, mixed", Gatys(), [Style(style), Style(other)]),
    panel("inside a mask", Gatys(), mask=face),
    panel("a style for each region", Gatys(), both, guides={"face": face}),
    panel("", Texture()),
    panel("from relu3_1", Reconstruct(layer="relu3_1")),
]
given = [
    Panel("content", "cat", impasto.read(content).pil()),
    Panel("style", "impasto", impasto.read(style).pil()),
]
contact_sheet(given, panels, "impasto-gatys").save(Path(__file__).parent / "figure.jpg", quality=85)
