"""The judge of a training: an encoder that measures the content and the style of what a network paints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..functional import statistics
from .encoders import Encoder

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Where style is measured, and content at the last (Huang and Belongie 2017, section 6)."""


def seen_by(encoder: Encoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features (B, C, h, w) of pictures (B, 3, H, W) by layer, computed in bfloat16, in float32.

    That is how trainings look: networks are quicker in bfloat16, and losses need the precision.

    Example:
        >>> import impasto, torch
        >>> seen_by(impasto.encoder("slim19"), torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"].dtype
        torch.float32
    """
    with torch.autocast(image.device.type, torch.bfloat16):
        return {layer: x.float() for layer, x in encoder.features(image.float(), layers).items()}


class Judge:
    """Measure pictures with an encoder that sees more than the networks that are taught.

    Deeper features are a hundred times the first: losses are relative to the power of each layer on some pictures.

    Args:
        encoder: what looks, `calibrated` if it is thin.
        samples: (B, 3, H, W), sRGB in [0, 1], the pictures that powers are taken from.
        layers: where style is measured; content is at the last.

    Example:
        >>> import impasto, torch
        >>> pictures = torch.rand(2, 3, 64, 64)
        >>> judge = Judge(impasto.encoder("slim19", calibrated=True), pictures)
        >>> seen = judge(pictures)
        >>> judge.style(seen, seen).item()
        0.0
    """

    def __init__(self, encoder: Encoder, samples: Tensor, layers: Sequence[str] = LAYERS) -> None:
        self.encoder, self.layers = encoder, tuple(layers)
        with torch.no_grad():
            self.powers = {layer: x.square().mean((0, 2, 3)).sum() for layer, x in self(samples).items()}

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the features of pictures."""
        return seen_by(self.encoder, image, self.layers)

    def content(self, found: Mapping[str, Tensor], wanted: Tensor) -> Tensor:
        """Return the squared error of the deepest features."""
        return self.error(found, {self.layers[-1]: wanted})

    def style(self, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
        """Return the squared errors of means and deviations, summed over layers."""
        errors = []
        for layer in self.layers:
            pairs = zip(statistics.mean_std(found[layer]), statistics.mean_std(wanted[layer]), strict=True)
            errors.append(sum(((own - goal).square().sum(1).mean() for own, goal in pairs)) / self.powers[layer])
        return torch.stack(errors).sum()

    def error(self, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
        """Return the squared error of features, the mean over the layers that are wanted."""
        errors = [(found[layer] - x).square().sum(1).mean() / self.powers[layer] for layer, x in wanted.items()]
        return torch.stack(errors).mean()
