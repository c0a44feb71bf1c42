"""Draw figure.jpg: what each stage of impasto-smooth does to a painting of a photograph."""

from pathlib import Path

import torch

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_smooth import (
    BilateralSmooth,
    Deblock,
    GuidedSmooth,
    PhotoSmooth,
    ScreenedPoisson,
    Seamless,
    TVDenoise,
    WLSSmooth,
)

SIZE = 320

content = impasto.samples.content("coffee", SIZE)
style = impasto.samples.style("wave", SIZE)
painted = impasto.Pipeline.parse("gatys:steps=50")(content, style, device="cpu").tensor
height, width = content.shape[-2:]

y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
grid = (painted + 0.08 * (((x // 2 + y // 2) % 2) - 0.5)).clamp(0, 1)
disc = (((x / width - 0.5) / 0.36) ** 2 + ((y / height - 0.5) / 0.5) ** 2 < 1).float()[None, None]
pasted = torch.where(disc > 0, painted, content)


class Painted(impasto.Preprocessor, name="painted"):
    """Put a picture that is painted already on the canvas."""

    what: str = impasto.param(default="whole", choices=("whole", "grid", "pasted"), help="which picture it is")

    def prepare(self, canvas):
        """Return the canvas with the picture on it."""
        image = {"whole": painted, "grid": grid, "pasted": pasted}[self.what]
        mask = disc if self.what == "pasted" else None
        return canvas.replace(image=image, mask=mask)


def panel(note: str, stage: impasto.Stage | None, what: str = "whole") -> Panel:
    """Return what a stage makes of the painting."""
    stages = [Painted(what=what)] + ([] if stage is None else [stage])
    picture = impasto.Pipeline(*stages)(content, style, device="cpu")
    return Panel("painted" if stage is None else stage.name, note, picture.pil())


panels = [
    panel("by gatys", None),
    panel("radius 12", GuidedSmooth(radius=12)),
    panel("", BilateralSmooth(sigma_space=4.0)),
    panel("weight 0.3", TVDenoise(weight=0.3)),
    panel("smoothing 3", WLSSmooth(smoothing=3.0)),
    panel("", PhotoSmooth()),
    panel("weight 20", ScreenedPoisson(weight=20.0)),
    panel("with a grid of 4 pixels", None, "grid"),
    panel("", Deblock(), "grid"),
    panel("inside a mask", None, "pasted"),
    panel("", Seamless(), "pasted"),
    panel("mixed", Seamless(mixed=True), "pasted"),
]
given = [
    Panel("content", "coffee", impasto.read(content).pil()),
    Panel("style", "wave", impasto.read(style).pil()),
]
contact_sheet(given, panels, "impasto-smooth").save(Path(__file__).parent / "figure.jpg", quality=85)
