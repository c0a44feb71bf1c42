"""Draw figure.jpg: a photograph painted small by Gatys' method, and brought back to its size."""

from pathlib import Path

import torch
import torch.nn.functional as F

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_resize import Pad, Resize, RestoreSize, UpscaleGuided

photo, style = impasto.samples.content("cat"), impasto.samples.style("impasto", 256)
gatys = impasto.get_host().stage("gatys")(steps=80)


def panel(name, note, *stages, mask=None):
    """Return the face after some stages."""
    picture = impasto.Pipeline(*stages)(photo, style, mask=mask, device="cpu")
    return Panel(name, note, impasto.read(picture.tensor[..., 20:240, 110:330].contiguous()).pil())


small = Resize(size=200)
right = torch.linspace(-13, 9, photo.shape[-1]).clamp(0, 1).expand(1, 1, *photo.shape[-2:])
pixels = F.interpolate(Resize(size=100).prepare(impasto.Canvas(photo, photo)).image, photo.shape[-2:])
part = photo[..., 20:240, 110:330].contiguous()
given = [panel("content", "part of the cat"), Panel("style", "impasto", impasto.read(style).pil())]
panels = [
    panel("restore-size", "painted at 200 pixels", small, gatys, RestoreSize()),
    panel("upscale-guided", "the same", small, gatys, UpscaleGuided()),
    panel("upscale-guided", "texture 0, detail 0", small, gatys, UpscaleGuided(texture=0, detail=0)),
    panel("upscale-guided", "with a mask", small, gatys, UpscaleGuided(), mask=right),
    Panel("resize", "100 pixels", impasto.read(pixels[..., 20:240, 110:330].contiguous()).pil()),
    Panel("pad", "border 40", impasto.Pipeline(Pad(tile=1, border=40))(part, device="cpu").pil()),
]
contact_sheet(given, panels, "impasto-resize").save(Path(__file__).parent / "figure.jpg", quality=85)
