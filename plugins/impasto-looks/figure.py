"""Draw figure.jpg: what the looks make of sample photographs."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet

SIZE = 320
SHOWN = {
    "portrait": ("astronaut", "impasto"),
    "spare-faces": ("astronaut", "mosaic"),
    "landscape": ("coffee", "impasto"),
    "drawing": ("cat", "ink-wash"),
    "colors-kept": ("coffee", "impasto"),
    "film": ("astronaut", "wave"),
    "wallpaper": (None, "stained-glass"),
    "clip": ("cat", "mosaic"),
}

panels = []
for name, (photo, painting) in SHOWN.items():
    content = None if photo is None else impasto.samples.content(photo, SIZE)
    painted = impasto.Pipeline.look(name)(content, impasto.samples.style(painting, SIZE), device="cpu")
    panels.append(Panel(name, painting, painted.fit_within(SIZE).pil()))
photos = {name: impasto.read(impasto.samples.content(name, SIZE)) for name in ("astronaut", "cat")}
given = [Panel("content", name, photo.pil()) for name, photo in photos.items()]
contact_sheet(given, panels, "impasto-looks").save(Path(__file__).parent / "figure.jpg", quality=85)
