"""Draw figure.jpg: photographs painted by the pairs that ship, and taken back."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_cyclegan import PAIRS, CycleGAN

SIZE = 384

contents = {name: impasto.samples.content(name, SIZE) for name in ("coffee", "cat")}


def painted(image: object, **values: object) -> object:
    """Return the picture."""
    return impasto.Pipeline(CycleGAN(**values))(image, device="cpu").pil()


panels = []
for content in contents.values():
    for network in PAIRS:
        there = painted(content, network=network)
        panels += [
            Panel("cyclegan", network, there),
            Panel("cyclegan", "and back", painted(there, network=network, direction="b-to-a")),
        ]
given = [Panel("content", name, impasto.read(content).pil()) for name, content in contents.items()]
contact_sheet(given, panels, "impasto-cyclegan").save(Path(__file__).parent / "figure.jpg", quality=80)
