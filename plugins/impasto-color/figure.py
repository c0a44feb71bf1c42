"""Draw figure.jpg: what each stage of impasto-color does to a photograph, a style and a painting."""

from pathlib import Path

import impasto
from impasto.notebook import Tile, contact_sheet
from impasto_color import KeepColor, MatchColor, MatchLuminance, TransferDistribution, TransferPalette

SIZE = 320

content = impasto.samples.content("coffee", SIZE)
style = impasto.samples.style("batik", SIZE)
paint = impasto.Pipeline.parse("gatys:steps=60").stages[0]


def tile(note: str, *stages: impasto.Stage) -> Tile:
    """Return the picture that some stages make, named after the one that belongs to this plugin."""
    (name,) = {stage.name for stage in stages if stage is not paint} or {"painted"}
    return Tile(name, note, impasto.Pipeline(*stages)(content, style, device="cpu").pil())


tiles = [
    tile("of the style", MatchColor(target="image")),
    tile("of the style, grey", MatchLuminance(target="image", grey=True)),
    tile("of the style", TransferPalette(target="image")),
    tile("of the style", TransferDistribution(target="image")),
    tile("by gatys alone", paint),
    tile("before painting", MatchColor(), paint),
    tile("after, to content", paint, MatchColor(target="image", reference="content")),
    tile("after", paint, KeepColor()),
]
given = [
    Tile("content", "coffee", impasto.read(content).pil()),
    Tile("style", "batik", impasto.read(style).pil()),
]
contact_sheet(given, tiles, "impasto-color").save(Path(__file__).parent / "figure.jpg", quality=85)
