"""Draw figure.jpg: parts of a photograph painted by the network that ships."""

from pathlib import Path

import torch

import impasto
from impasto.demo import Tile, contact_sheet
from impasto_local import STYLES, Local

SIZE = 384

content = impasto.samples.content("cat", SIZE)
height, width = content.shape[-2:]
y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
mask = (((x - 0.42 * width) / 1.25) ** 2 + (y - 0.55 * height) ** 2 < (0.36 * height) ** 2).float()


def painted(paint: str, where: object) -> object:
    """Return the picture."""
    return impasto.Pipeline(Local(paint=paint))(content, mask=where, device="cpu").pil()


tiles = [Tile("local", paint, painted(paint, mask)) for paint in STYLES]
tiles += [Tile("local", f"{paint}, around", painted(paint, 1 - mask)) for paint in ("fauvism", "impasto", "wave")]
given = [
    Tile("content", "cat", impasto.read(content).pil()),
    Tile("mask", "", impasto.read(mask.expand(1, 3, -1, -1)).pil()),
]
contact_sheet(given, tiles, "impasto-local").save(Path(__file__).parent / "figure.jpg", quality=82)
