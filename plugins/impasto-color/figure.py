"""Draw figure.jpg and lut.jpg: what each stage of impasto-color does to a photograph, a style and a painting."""

import tempfile
from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto.picture import write_cube
from impasto_color import KeepColor, Lut, MatchColor, MatchLuminance, TransferDistribution, TransferPalette

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

cup, wave = impasto.samples.content("coffee", SIZE), impasto.samples.style("wave", SIZE)
look = impasto.Pipeline.parse("match-color:target=image:strength=0.6")
with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "look.cube"
    write_cube(look.to_lut(cup, wave).cube, table)
    panels = [Panel("match-color", "the look", look(cup, wave).pil())]
    for name, strength in (("coffee", 1.0), ("cat", 1.0), ("astronaut", 1.0), ("astronaut", 0.5)):
        graded = impasto.Pipeline(Lut(path=table, strength=strength))(impasto.samples.content(name, SIZE))
        panels.append(Panel("lut", f"strength {strength:g}", graded.pil()))
given = [Panel("content", "coffee", impasto.read(cup).pil()), Panel("style", "wave", impasto.read(wave).pil())]
contact_sheet(given, panels, "impasto-color").save(Path(__file__).parent / "lut.jpg", quality=85)
