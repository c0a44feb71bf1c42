"""The training of the shipped decoder: losses of content, of style, and of pictures that are their own style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

import impasto
from impasto.functional.statistics import Moments, covariance
from impasto.networks import (
    PerceptualLoss,
    TargetSummary,
    VGGDecoder,
    fit_decoder,
    perceptual_features,
    require_vgg,
    starting_decoders,
)
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .narrowing import narrow_decoder
from .transfer import LAYER, adain, monge_map

SAMPLES = 32
"""Crops that losses are relative to, and that a decoder without a start is fitted to."""
ENLARGED = 0.15
"""Share of photographs that are as smooth and flat as those of many megapixels."""
RECOLOURED = 0.3
"""Share of pictures whose red, green and blue are permuted; without them blue lights come out cyan."""
PIXEL_WEIGHT = 10.0
"""Of the mean squared error of sRGB beside the relative squared error of features: about even."""


class AdaINDecoder(Trainer, name="adain-decoder"):
    """Train a decoder to paint from features with another picture's mean and deviation (Huang and Belongie 2017)."""

    steps = 2_000
    precision = "bf16"
    average = 0.995

    images: str = impasto.param(reads=True, help="folder of photographs")
    styles: str = impasto.param(reads=True, help="folder of paintings")
    encoder: str = impasto.param(reads=True, default="slim19", help="encoder to paint from: a name or a file")
    loss_network: str = impasto.param(
        reads=True, default="slim19-half", help="network that measures the losses: an encoder's name or a file"
    )
    start: str = impasto.param(
        reads=True, default="", help="file with a decoder for relu4_1 to begin with, such as wct-decoders trains"
    )
    skips: tuple[str, ...] = impasto.param(
        default=("relu3_1",),
        choices=("relu3_1", "relu2_1", "relu1_1"),
        help="shallower layers that the decoder takes as well; empty as in the paper",
    )
    widths: tuple[int, ...] = impasto.param(
        default=(),
        low=1,
        high=4096,
        help="channels of the decoder's blocks, shallow to deep, such as 16 32 32; empty: as many as the encoder has",
    )
    style_weight: float = impasto.param(
        default=5.0, low=0, high=1e6, help="weight of the style loss; that of content is 1"
    )
    identity_weight: float = impasto.param(
        default=3.0, low=0, high=1e6, help="weight of the loss of pictures that are their own style"
    )
    size: int = impasto.param(default=144, low=64, high=65_536, multiple=8, help="side of the crops in pixels")
    batch: int = impasto.param(default=4, low=1, high=4096, help="pairs of a photograph and a painting in a step")
    learning_rate: float = impasto.param(default=1e-3, low=0, high=10, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Stylization:
        """Return the task."""
        return Stylization(self, device, seed)


class Stylization(Task):
    """Train a decoder for features with the style's statistics; another network measures the losses.

    That loss network, which is closer to VGG-19, compares what is painted with its own targets: its features of the
    content, given the statistics of its features of the style.

    Args:
        trainer: pictures, networks and weights.
        device: where it trains.
        seed: of the crops that it starts with.

    Raises:
        ParameterError: the file to start from has no decoder for this layer.
        StageError: its decoder does not fit the encoder.
    """

    def __init__(self, trainer: AdaINDecoder, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.device = trainer, device
        self.encoder = require_vgg(trainer.name, impasto.encoder(trainer.encoder, device=device))
        self.photographs = Crops(
            pictures(trainer.images), trainer.size, aspect=1.1, enlarged=ENLARGED, recoloured=RECOLOURED
        )
        # Paintings were found squeezed to squares.
        self.paintings = Crops(pictures(trainer.styles), trainer.size, aspect=1.4, recoloured=RECOLOURED)
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        samples = torch.cat([self.batch(rng) for _ in range(-(-SAMPLES // (2 * trainer.batch)))]).to(device)
        start = self.start() or fit_decoder(self.encoder, LAYER, samples)
        decoder = VGGDecoder.for_encoder(self.encoder, LAYER, trainer.skips, start.widths[:-1]).to(device)
        # Skips begin at zero, and change nothing of what the start paints.
        decoder.load_state_dict(start.state_dict(), strict=False)
        self.layers = decoder.layers
        if trainer.widths and trainer.widths != decoder.widths[:-1]:
            features = {layer: stylized_features(x) for layer, x in self.encoded(samples).items()}
            decoder = narrow_decoder(decoder, trainer.widths, features)
        decoder.to(memory_format=torch.channels_last)
        self.networks = {"decoder": decoder}
        self.optimisers = {"decoder": Soap(decoder, lr=trainer.learning_rate)}
        loss_network = impasto.encoder(trainer.loss_network, calibrated=True, device=device)
        self.loss = PerceptualLoss(loss_network, samples)

    def start(self) -> VGGDecoder | None:
        """Return the decoder that the training starts from, if one is named."""
        if not self.trainer.start:
            return None
        return starting_decoders(self.trainer.name, self.trainer.start, self.encoder, LAYER)[LAYER]

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs, then as many of paintings."""
        return torch.cat([crops.draw(self.trainer.batch, rng) for crops in (self.photographs, self.paintings)])

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the losses of content, of style, and of pictures that are their own style."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        pairs = len(image) // 2
        own_style = list(range(0, len(image), 2))  # half photographs, half paintings
        with torch.no_grad():
            inputs = {
                layer: torch.cat([stylized_features(x), x[own_style]]) for layer, x in self.encoded(image).items()
            }
            features = self.loss.features(image)
            content_target = stylized_features(features[self.loss.layers[-1]])
        painted = networks["decoder"](inputs).float()
        painted_features = self.loss.features(painted)
        stylized = {layer: x[:pairs] for layer, x in painted_features.items()}
        same = {layer: x[pairs:] for layer, x in painted_features.items()}
        style_targets = {layer: x[pairs:] for layer, x in features.items()}
        pixels = PIXEL_WEIGHT * (painted[pairs:] - image[own_style]).square().mean()
        identity = self.loss.feature_error(same, {layer: x[own_style] for layer, x in features.items()})
        yield (
            "decoder",
            {
                "content": self.loss.content(stylized, content_target),
                "style": self.trainer.style_weight * self.loss.style(stylized, style_targets),
                "identity": self.trainer.identity_weight * (identity + pixels),
            },
        )

    def encoded(self, image: Tensor) -> dict[str, Tensor]:
        """Return the features that the decoder paints from."""
        return perceptual_features(self.encoder, image, self.layers)

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return content, style, the content painted, and the content painted as its own style, in rows."""
        image = self.shown.to(self.device)
        inputs = {
            layer: torch.cat([stylized_features(x), x[: len(x) // 2]]) for layer, x in self.encoded(image).items()
        }
        painted = networks["decoder"](inputs).float()
        return preview_grid([*image.chunk(2), *painted.chunk(2)])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoder in fp16."""
        return [save_half(folder / "decoder.safetensors", networks["decoder"].state_dict())]


def stylized_features(features: Tensor) -> Tensor:
    """Return content features with the style's statistics: the first half with deviations, the others covariances.

    Args:
        features: (2 B, C, h, w), of contents and then of as many styles.

    Returns:
        (B, C, h, w).
    """
    content, style = features.chunk(2)
    half = -(-len(content) // 2)
    source, target = (Moments.of(x[half:], covariance) for x in (content, style))
    transported = monge_map(source, [TargetSummary(target, 1.0)])(content[half:])
    return torch.cat([adain(content[:half], style[:half]), transported])
