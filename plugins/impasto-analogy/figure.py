"""Draw figure.jpg: two pairs of pictures in each other's looks, or in the other's colours."""

from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

import impasto
from impasto.notebook import Panel, contact_sheet
from impasto_analogy import DeepAnalogy, NeuralColor, deep_analogy

SIZE = 320

cat, mosaic = impasto.samples.content("cat", SIZE), impasto.samples.style("mosaic", SIZE)
rocket, night = impasto.samples.content("rocket", SIZE), impasto.samples.style("impasto", SIZE)


def shown(picture: Tensor) -> Image:
    """Return a tensor as a picture."""
    return impasto.read(picture.clamp(0, 1)).pil()


torch.manual_seed(0)
eyes, lights = deep_analogy(cat, mosaic), deep_analogy(rocket, night)
recolored, neural = (
    impasto.Pipeline(stage)(cat, mosaic, device="cpu") for stage in (DeepAnalogy(task="photo-to-photo"), NeuralColor())
)
panels = [
    Panel("analogy", "A'", shown(eyes.a_prime)),
    Panel("", "B", shown(eyes.b)),
    Panel("analogy", "photo-to-photo", recolored.pil()),
    Panel("neural-color", "", neural.pil()),
    Panel("content", "rocket", shown(rocket)),
    Panel("style", "impasto", shown(night)),
    Panel("analogy", "A'", shown(lights.a_prime)),
    Panel("", "B", shown(lights.b)),
]
given = [Panel("content", "cat", shown(cat)), Panel("style", "mosaic", shown(mosaic))]
contact_sheet(given, panels, "impasto-analogy").save(Path(__file__).parent / "figure.jpg", quality=85)
