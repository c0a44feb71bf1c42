"""Draw figure.jpg: what each stage of impasto-histogram does to a photograph."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_histogram import ClipGamut, EqualizeAdaptive, MatchExposure, MatchHistogram

SIZE = 320

content = impasto.samples.content("astronaut", SIZE)
style = impasto.samples.style("chalk", SIZE)
panels = [
    Panel(stage.name, note, impasto.Pipeline(stage)(content, style, device="cpu").pil())
    for stage, note in (
        (MatchHistogram(), "plain"),
        (MatchHistogram(space="lab", method="smoothed"), "Lab, smoothed"),
        (MatchHistogram(space="luminance", method="smoothed"), "luminance, smoothed"),
        (EqualizeAdaptive(limit=4), "limit 4"),
        (MatchExposure(reference="style"), "of the style"),
        (ClipGamut(), "of the style"),
    )
]
given = [
    Panel("content", "astronaut", impasto.read(content).pil()),
    Panel("style", "chalk", impasto.read(style).pil()),
]
contact_sheet(given, panels, "impasto-histogram").save(Path(__file__).parent / "figure.jpg", quality=85)
