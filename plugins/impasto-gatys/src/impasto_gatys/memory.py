"""How much memory a picture needs, compared with what is free before the work begins."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from impasto import Encoder, stage
from impasto.functional.resizing import Size


def estimate_memory(encoder: Encoder, layers: Sequence[str], size: Size, *, bytes_each: int, optimiser: str) -> int:
    """Return about how many bytes a step at `size` takes beyond the network, from the widths of its layers.

    What is stored for the backward pass: the output of every ReLU, the indices of max pooling, and for each
    layer a loss looks at, its float32 copy and (calibrated) map.  What comes and goes: gradients of the
    largest layer in two precisions.  And the optimiser's pictures.
    """
    pixels = size[0] * size[1]
    depth = max(encoder.layers.index(layer) for layer in layers)
    stored, largest = pixels * 3 * (4 + bytes_each), 0
    for layer in encoder.layers[: depth + 1]:
        if not layer.startswith("relu"):
            continue
        block, last = int(layer[4]), layer[4:] in ("1_2", "2_2", "3_4", "4_4")
        values = encoder.channels[layer] * pixels // 4 ** (block - 1)
        stored += values * bytes_each
        if last:
            stored += values // 4 * (8 * (encoder.pooling == "max") + bytes_each)
        if layer in layers:
            stored += values * (4 + bytes_each * encoder.calibrated)
        largest = max(largest, values)
    pictures = {"adam": 8, "l-bfgs": 28}[optimiser]
    total = stored + largest * (4 + 2 * bytes_each) + pictures * 12 * pixels
    # Measured peaks at 512 and 768 pixels, three encoders, were 0.99 to 1.24 times the sum.
    return total * 5 // 4


def check_memory(
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
