"""Perceptual losses for training: a frozen network measures the content and the style of what another one paints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..device import use_bfloat16
from ..functional import statistics
from .protocols import Encoder, loss_layers


def perceptual_features(encoder: Encoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of pictures by layer for losses, computed as `loss_autocast` says and given in float32.

    Args:
        encoder: gives the features.
        image: (B, 3, H, W), sRGB in [0, 1]; gradients flow to it.
        layers: of the encoder.

    Returns:
        (B, C, h, w) by layer.

    Example:
        >>> import impasto, torch
        >>> perceptual_features(impasto.encoder("slim19"), torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"].dtype
        torch.float32
    """
    with loss_autocast(image.device):
        return {layer: x.float() for layer, x in encoder.features(image.float(), layers).items()}


def loss_autocast(device: torch.device) -> torch.autocast:
    """Return the block in which networks that measure losses compute: in bfloat16, where the hardware has it.

    Their features are rounded little by it; what is computed of features needs float32, `x.float()`.

    Args:
        device: where they compute.

    Example:
        >>> import impasto, torch
        >>> with loss_autocast(torch.device("mps")) as block:
        ...     block._enabled
        False
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(device, "auto"))


class PerceptualLoss:
    """Measure content and style in the features of a frozen network (Johnson et al. 2016; Huang and Belongie 2017).

    Deeper features are a hundred times the first: losses are relative to the power of each layer on some pictures.

    Args:
        encoder: the loss network, `calibrated` if it is thin.
        samples: (B, 3, H, W), sRGB in [0, 1], the pictures that powers are taken from.
        layers: where style is measured; content is at the last. Empty: what suits the encoder, of VGG-19 the first of
            four blocks (Huang and Belongie 2017, section 6).

    Example:
        >>> import impasto, torch
        >>> pictures = torch.rand(2, 3, 64, 64)
        >>> loss = PerceptualLoss(impasto.encoder("slim19", calibrated=True), pictures)
        >>> features = loss.features(pictures)
        >>> loss.style(features, features).item()
        0.0
    """

    def __init__(self, encoder: Encoder, samples: Tensor, layers: Sequence[str] = ()) -> None:
        self.encoder, self.layers = encoder, tuple(layers) or loss_layers(encoder)
        with torch.no_grad():
            self.powers = {layer: x.square().mean((0, 2, 3)).sum() for layer, x in self.features(samples).items()}

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Return the features (B, C, h, w) of pictures (B, 3, H, W) by layer."""
        return perceptual_features(self.encoder, image, self.layers)

    def content(self, features: Mapping[str, Tensor], target: Tensor) -> Tensor:
        """Return the squared error of the deepest features."""
        return self.feature_error(features, {self.layers[-1]: target})

    def style(self, features: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Return the squared errors of means and deviations, summed over layers; one target will do for a batch."""
        errors = []
        for layer in self.layers:
            pairs = zip(statistics.mean_std(features[layer]), statistics.mean_std(targets[layer]), strict=True)
            squares = sum(((moment - target).square().sum(1).mean() for moment, target in pairs))
            errors.append(squares / self.powers[layer])
        return torch.stack(errors).sum()

    def feature_error(self, features: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> Tensor:
        """Return the squared error of features, the mean over the targets' layers."""
        errors = [(features[layer] - x).square().sum(1).mean() / self.powers[layer] for layer, x in targets.items()]
        return torch.stack(errors).mean()
