"""Draw figure.jpg: the look of one picture as a table, and what the table does to others."""

import tempfile
from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_lut import Lut, cube_of, write_cube

SIZE = 320

cup, wave = impasto.samples.content("coffee", SIZE), impasto.samples.style("wave", SIZE)
look = impasto.Pipeline.parse("match-color:target=image:strength=0.6")
with tempfile.TemporaryDirectory() as folder:
    table = Path(folder) / "look.cube"
    write_cube(cube_of(look, cup, wave).cube, table)
    panels = [Panel("match-color", "the look", look(cup, wave).pil())]
    for name, strength in (("coffee", 1.0), ("cat", 1.0), ("astronaut", 1.0), ("astronaut", 0.5)):
        graded = impasto.Pipeline(Lut(path=table, strength=strength))(impasto.samples.content(name, SIZE))
        panels.append(Panel("lut", f"strength {strength:g}", graded.pil()))
given = [Panel("content", "coffee", impasto.read(cup).pil()), Panel("style", "wave", impasto.read(wave).pil())]
contact_sheet(given, panels, "impasto-lut").save(Path(__file__).parent / "figure.jpg", quality=85)
