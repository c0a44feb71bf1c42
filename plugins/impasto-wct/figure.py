"""Draw figure.jpg: what the stages of impasto-wct make of a photograph."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_wct import WCT, StyleSwap, WCTPhoto

SIZE = 384

content = impasto.samples.content("cat", SIZE)
style = impasto.samples.style("impasto", SIZE)
evening = impasto.samples.content("rocket", SIZE)
panels = [
    Panel(stage.name, note, impasto.Pipeline(stage)(content, style, device="cpu").pil())
    for stage, note in (
        (WCT(), "levels 4 to 1"),
        (WCT(alpha=0.5), "alpha 0.5"),
        (WCT(levels=(3, 2, 1)), "levels 3 to 1"),
        (WCT(levels=(5, 4, 3, 2, 1)), "five levels"),
        (WCT(transform="transport"), "transport"),
        (StyleSwap(), "level 3"),
    )
]
lit = impasto.Pipeline(WCTPhoto())(content, evening, device="cpu").pil()
panels.append(Panel(WCTPhoto.name, "by evening light", lit))
given = [Panel("content", "cat", impasto.read(content).pil()), Panel("style", "impasto", impasto.read(style).pil())]
contact_sheet(given, panels, "impasto-wct").save(Path(__file__).parent / "figure.jpg", quality=80)
