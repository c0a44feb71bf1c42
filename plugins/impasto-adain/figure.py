"""Draw figure.jpg: what AdaIN makes of a photograph."""

from pathlib import Path

import torch

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_adain import AdaIN

SIZE = 384

content = impasto.samples.content("cat", SIZE)
one, two = impasto.samples.style("impasto", SIZE), impasto.samples.style("mosaic", SIZE)
left = torch.zeros(1, *content.shape[-2:])
left[..., : SIZE // 2] = 1


def painted(styles: object, guides: object = None, **values: object) -> object:
    """Return the picture."""
    return impasto.Pipeline(AdaIN(**values))(content, styles, guides=guides, device="cpu").pil()


panels = [
    Panel("adain", "first style", painted(one)),
    Panel("adain", "alpha 0.5", painted(one, alpha=0.5)),
    Panel("adain", "as published", painted(one, statistic="mean-std")),
    Panel("adain", "both, 1 to 1", painted([one, two])),
    Panel(
        "adain",
        "each in its region",
        painted(
            [impasto.Style(one, region="left"), impasto.Style(two, region="right")], {"left": left, "right": 1 - left}
        ),
    ),
    Panel("adain", "its own style", painted(content)),
]
given = [Panel("content", "cat", impasto.read(content).pil()), Panel("style", "impasto", impasto.read(one).pil())]
contact_sheet(given, panels, "impasto-adain").save(Path(__file__).parent / "figure.jpg", quality=85)
