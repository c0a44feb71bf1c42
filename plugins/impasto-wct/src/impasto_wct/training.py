"""The training of the shipped decoders: to paint again what a layer of the encoder has, also after its transform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

import impasto
from impasto import ParameterError
from impasto.functional import statistics
from impasto.functional.losses import relative_error
from impasto.networks import PerceptualLoss, fit_decoder, perceptual_features, require_vgg, starting_decoders
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .transfer import wct

LEVELS = (1, 2, 3, 4, 5)
PIXEL_WEIGHT = 10.0
"""Of the mean squared error of sRGB beside the relative squared error of features: about even."""
SAMPLES = 48
"""Crops for the least squares that decoders begin with."""
CONTENT_WEIGHT = 0.5
"""Of the content loss beside the style loss."""
TRANSFORMED_WEIGHT = 0.25
"""Of the error of transformed features beside natural ones: most of them no picture has."""


class WCTDecoders(Trainer, name="wct-decoders"):
    """Train decoders to paint from one layer of an encoder, as it is and transformed (Li et al. 2017)."""

    steps = 4_000
    precision = "bf16"
    average = 0.99

    images: str = impasto.param(reads=True, help="folder of photographs")
    styles: str = impasto.param(reads=True, help="folder of paintings")
    encoder: str = impasto.param(reads=True, default="slim19", help="encoder to paint from: a name or a file")
    levels: tuple[int, ...] = impasto.param(
        default=LEVELS, low=1, high=5, help="which decoders to train: 3 is the one from relu3_1"
    )
    loss_network: str = impasto.param(
        reads=True, default="slim19-half", help="network that measures stylized pictures: an encoder's name or a file"
    )
    style_weight: float = impasto.param(
        default=1.0,
        low=0,
        high=1e6,
        help="weight of the style loss of stylized pictures; 0 only reconstructs, as in the paper",
    )
    start: str = impasto.param(
        reads=True, default="", help="file of decoders to go on from; a level it lacks begins by least squares"
    )
    size: int = impasto.param(default=160, low=64, high=65_536, multiple=16, help="side of the crops in pixels")
    batch: int = impasto.param(default=4, low=2, high=4096, help="crops in a step, photographs and paintings by halves")
    learning_rate: float = impasto.param(default=3e-3, low=0, high=10, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Reconstruction:
        """Return the task."""
        return Reconstruction(self, device, seed)


class Reconstruction(Task):
    """Train decoders to invert an encoder, on pictures and on the way of a cascade of whitening and colouring.

    Each decoder is shown natural features, whose pictures are known.  And photographs go through the cascade, deep to
    shallow: there each decoder is shown what its level will give it in use, features with a painting's mean and
    covariance.  Of those no picture is known, but the encoder must give the same features of what is painted, and a
    loss network, which is closer to VGG-19, the photograph's content and the painting's moments.

    Args:
        trainer: pictures, networks and weights.
        device: where it trains.
        seed: of the crops that it starts with.
    """

    def __init__(self, trainer: WCTDecoders, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.device = trainer, device
        self.encoder = require_vgg(trainer.name, impasto.encoder(trainer.encoder, device=device))
        self.start = starting_decoders(trainer.name, trainer.start, self.encoder) if trainer.start else {}
        for layer, decoder in self.start.items():
            if decoder.layers != (layer,):
                raise ParameterError(
                    f"{trainer.name}: the decoder for {layer} in {trainer.start} takes {', '.join(decoder.layers)}\n"
                    "  what would work: decoders that paint from one layer alone, as this training makes"
                )
        self.photographs = Crops(pictures(trainer.images), trainer.size, aspect=1.1)
        self.paintings = Crops(pictures(trainer.styles), trainer.size, aspect=1.4)  # found squeezed to squares
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        samples = torch.cat([self.batch(rng) for _ in range(-(-SAMPLES // trainer.batch))]).to(device)
        self.loss = PerceptualLoss(impasto.encoder(trainer.loss_network, calibrated=True, device=device), samples)
        self.networks, self.optimisers = {}, {}
        for layer in [f"relu{level}_1" for level in sorted(trainer.levels)]:
            shallower = [name for name in self.start if "relu1_1" < name < layer]
            tail = self.start[max(shallower)] if shallower else None
            decoder = self.start.get(layer) or fit_decoder(self.encoder, layer, samples, tail=tail)
            decoder.to(device).to(memory_format=torch.channels_last)
            if layer == "relu1_1":  # one convolution, of which least squares found the best
                self.start[layer] = decoder
                continue
            self.networks[layer], self.optimisers[layer] = decoder, Soap(decoder, lr=trainer.learning_rate)

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs, then as many of paintings."""
        half = self.trainer.batch // 2
        return torch.cat([self.photographs.draw(half, rng), self.paintings.draw(half, rng)])

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield, deep to shallow, the errors of pixels and features, and the losses of stylized pictures."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        photographs, paintings = image.chunk(2)
        decoders: dict[str, nn.Module] = {**self.start, **networks}
        cascade = sorted(decoders, reverse=True)
        deepest = self.loss.layers[-1]
        with torch.no_grad():
            natural = self.encoded(image, cascade[0])
            photograph_features, style_targets = self.loss.features(photographs), self.loss.features(paintings)
            content_target = with_moments(photograph_features[deepest], style_targets[deepest])
        stylized = photographs
        # Every other cascade starts below the deepest level, as by default in use.
        skipped = (
            cascade[0]
            if len(cascade) > 1 and torch.rand((), generator=rng, dtype=torch.float32, device="cpu") < 0.5
            else None
        )
        for layer in cascade:
            with torch.no_grad():
                transformed = wct(self.encoded(stylized, layer)[layer], natural[layer].chunk(2)[1])
            if layer not in networks:
                with torch.no_grad():
                    stylized = decoders[layer](transformed).clamp(0, 1)
                continue
            painted = decoders[layer](torch.cat([natural[layer], transformed])).float()
            again = self.encoded(painted, layer)
            errors = [relative_error(x[: len(image)], natural[name]) for name, x in again.items()]
            features = self.loss.features(painted[len(image) :])
            weight = self.trainer.style_weight
            yield (
                layer,
                {
                    f"{layer} pixels": PIXEL_WEIGHT * (painted[: len(image)] - image).square().mean(),
                    f"{layer} features": torch.stack(errors).mean(),
                    f"{layer} transformed": TRANSFORMED_WEIGHT
                    * relative_error(again[layer][len(image) :], transformed),
                    f"{layer} content": weight * CONTENT_WEIGHT * self.loss.content(features, content_target),
                    f"{layer} style": weight * self.loss.style(features, style_targets),
                },
            )
            if layer != skipped:
                stylized = painted[len(image) :].detach().clamp(0, 1)

    def encoded(self, image: Tensor, layer: str) -> dict[str, Tensor]:
        """Return the encoder's features of each block's first layer, down to `layer`."""
        layers = [f"relu{level}_1" for level in range(1, int(layer[4]) + 1)]
        return perceptual_features(self.encoder, image, layers)

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a row of pictures, and below what each decoder paints of them and of transformed features."""
        image = self.shown.to(self.device)
        half = len(image) // 2
        natural = self.encoded(image, list(networks)[-1])
        rows = [torch.cat([image, image[half:]])]
        for layer, network in networks.items():
            transformed = wct(natural[layer][:half], natural[layer][half:])
            rows.append(network(torch.cat([natural[layer], transformed])).float())
        return preview_grid(rows)

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoders, with those of other levels that the training started from, in fp16."""
        tensors = {
            f"{layer}.{key}": value
            for layer, network in (self.start | dict(networks)).items()
            for key, value in network.state_dict().items()
        }
        return [save_half(folder / "decoders.safetensors", dict(sorted(tensors.items())))]


def with_moments(content: Tensor, style: Tensor) -> Tensor:
    """Return content features (B, C, h, w) with the style's means and deviations."""
    (mean, std), (style_mean, style_std) = statistics.mean_std(content), statistics.mean_std(style)
    return (content - mean) / std * style_std + style_mean
