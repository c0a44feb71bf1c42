"""Draw figure.jpg: what each stage of impasto-color does to a photograph, a style and a painting."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_color import KeepColor, MatchColor, MatchLuminance, TransferDistribution, TransferPalette

SIZE = 320

content = impasto.samples.content("coffee", SIZE)
style = impasto.samples.style("batik", SIZE)
paint = impasto.Pipeline.parse("gatys:steps=60").stages[0]


def panel(note: str, *stages: impasto.Stage) -> Panel:
    """Return the picture that some stages make, named after the one that belongs to this plugin."""
    (name,) = {stage.name for stage in stages if stage is not paint} or {"painted"}
    return Panel(name, note, impasto.Pipeline(*stages)(content, style, device="cpu").pil())


panels = [
    panel("of the style", MatchColor(target="image")),
    panel("of the style, grey", MatchLuminance(target="image", grey=True)),
    panel("of the style", TransferPalette(target="image")),
    panel("of the style", TransferDistribution(target="image")),
    panel("by gatys alone", paint),
    panel("before painting", MatchColor(), paint),
    panel("after, to content", paint, MatchColor(target="image", reference="content")),
    panel("after", paint, KeepColor()),
]
given = [
    Panel("content", "coffee", impasto.read(content).pil()),
    Panel("style", "batik", impasto.read(style).pil()),
]
contact_sheet(given, panels, "impasto-color").save(Path(__file__).parent / "figure.jpg", quality=85)
