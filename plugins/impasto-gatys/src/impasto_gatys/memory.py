"""How much memory a picture needs, compared with what is free before the work begins."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from impasto import Encoder, stage
from impasto.functional.resizing import Size
from impasto.networks import encoder_memory


def estimate_memory(encoder: Encoder, layers: Sequence[str], size: Size, *, bytes_each: int, optimiser: str) -> int:
    """Return about how many bytes a step at `size` takes beyond the network: features and pictures."""
    pixels = size[0] * size[1]
    pictures = {"adam": 8, "l-bfgs": 28}[optimiser]
    total = pixels * 3 * (4 + bytes_each) + encoder_memory(encoder, layers, pixels, bytes_each) + pictures * 12 * pixels
    # Measured peaks at 512 and 768 pixels, three encoders, were 0.99 to 1.24 times the sum.
    return total * 5 // 4


def check_step_memory(
    name: str, encoder: Encoder, layers: Sequence[str], size: Size, device: torch.device, optimiser: str
) -> None:
    """Raise a `StageError` when a picture of `size` will not fit, saying what would."""
    low = torch.is_autocast_enabled(device.type)
    half = estimate_memory(encoder, layers, size, bytes_each=2, optimiser=optimiser)
    remedies = [] if low else [f"precision='bfloat16' (about {half / 1e9:.1f} GB)"]
    remedies += [] if encoder.name == "slim19" else ["encoder='slim19', which is thinner"]
    remedies += ["optimiser='adam'"] if optimiser == "l-bfgs" else []
    stage.check_memory(
        name,
        half if low else estimate_memory(encoder, layers, size, bytes_each=4, optimiser=optimiser),
        size,
        device,
        how=f" with the encoder {encoder.name} in {'bfloat16' if low else 'float32'}",
        remedies=remedies,
    )
