"""Draw figure.jpg: frames of a clip whose camera pans, their flow, and what is painted of them, plain and steady."""

from pathlib import Path

import torch

import impasto
from impasto.notebook import Sheet
from impasto_video import flow_picture, optical_flow, warp

SIDE, SHOWN = 224, (6, 7, 8, 9)

photo = impasto.samples.content("astronaut", 400)
style = impasto.samples.style("wave", 320)
film = []
for number in range(max(SHOWN) + 1):
    move = torch.tensor([20 + 5.3 * number, 30 + 2.6 * number]).view(1, 2, 1, 1).expand(1, 2, 400, 400)
    film.append(warp(photo, move)[..., :SIDE, :SIDE].clamp(0, 1))
rows = [film, [flow_picture(optical_flow(film[n], film[max(n - 1, 0)])) for n in range(len(film))]]
for line in ("wct", "wct, steady"):
    pictures = [picture.tensor for picture in impasto.Pipeline.parse(line).stream(film, style, device="cpu")]
    apart = [pictures[0] * 0]
    for before, now, then, here in zip(pictures[:-1], pictures[1:], film[:-1], film[1:], strict=True):
        apart.append((now - warp(before, optical_flow(here, then))).abs().clamp(0, 1))
    rows += [pictures, [(3 * one).clamp(0, 1) for one in apart]]
names = (
    "film",
    "flow",
    "wct",
    "what differs, tripled",
    "wct, steady",
    "what differs, tripled",
)
sheet = Sheet(
    tuple(tuple(impasto.read(row[number]) for number in SHOWN) for row in rows),
    tuple((name, *[""] * (len(SHOWN) - 1)) for name in names),
)
sheet.pil().save(Path(__file__).parent / "figure.jpg", quality=85)
