"""Draw figure.jpg: photographs in the styles that our fast network knows, and a blend."""

from pathlib import Path

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto.weights import find
from impasto_fast import FAST, Fast, load_network

SIZE = 384
PHOTOGRAPHS = {name: impasto.samples.content(name, SIZE)[..., :256, :] for name in ("coffee", "cat", "astronaut")}


def painted(photograph: str, **values: object) -> object:
    """Return the picture."""
    return impasto.Pipeline(Fast(**values))(PHOTOGRAPHS[photograph], device="cpu").pil()


panels = [
    Panel("fast", style, painted(list(PHOTOGRAPHS)[index % 3], styles=(style,)))
    for index, style in enumerate(load_network(find(FAST)).styles)
]
panels.append(Panel("fast", "wave and mosaic", painted("cat", styles=("wave", "mosaic"))))
given = [Panel("content", name, impasto.read(image).pil()) for name, image in PHOTOGRAPHS.items()]
contact_sheet(given, panels, "impasto-fast").save(Path(__file__).parent / "figure.jpg", quality=72)
