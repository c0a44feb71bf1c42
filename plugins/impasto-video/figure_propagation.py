"""Draw propagation.jpg: frames between two key frames, and the same frames painted one by one."""

from pathlib import Path

import torch

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_video import propagate, warp

SIDE, EVERY = 200, 12
SHOWN = (0, 4, 8, 12)


def film() -> list[torch.Tensor]:
    """Return a clip whose camera pans and turns over a photograph, while a cup of coffee passes in front of it."""
    photo, cup = impasto.samples.content("astronaut", 280), impasto.samples.content("coffee", 120)[..., 5:75, 20:90]
    down, across = torch.meshgrid(torch.linspace(-1, 1, 70), torch.linspace(-1, 1, 70), indexing="ij")
    round_mask = (down.square() + across.square() < 0.9).float()
    frames = []
    for number in range(EVERY + 1):
        turned = warp(photo, torch.full((1, 2, 280, 280), 2.0 * number))[..., :SIDE, :SIDE].clamp(0, 1)
        left = 10 + 9 * number
        place = turned[..., 120:190, left : left + 70]
        place.copy_(place.lerp(cup[..., : place.shape[-1]], round_mask[:, : place.shape[-1]]))
        frames.append(turned)
    return frames


frames, style = film(), impasto.samples.style("impasto", 256)
pipe = impasto.Pipeline.parse("gatys:steps=20")
alone = [pipe(frames[number], style, device="cpu") for number in SHOWN]
ends = {1: alone[0], EVERY + 1: alone[-1]}
carried = list(propagate(frames, keys=ends))
panels = [
    Panel(line, "key frame" if number in (0, EVERY) and line == "propagate" else f"frame {number + 1}", picture.pil())
    for line, pictures in (
        ("film", [impasto.read(frames[number]) for number in SHOWN]),
        ("propagate", [carried[number] for number in SHOWN]),
        ("gatys, one by one", alone),
    )
    for number, picture in zip(SHOWN, pictures, strict=True)
]
given = [Panel("style", "impasto", impasto.read(style).pil())]
contact_sheet(given, panels, "impasto-video").save(Path(__file__).parent / "propagation.jpg", quality=85)
