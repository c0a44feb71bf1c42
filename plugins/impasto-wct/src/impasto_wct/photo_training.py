"""The training of the shipped photorealistic decoder: to invert an encoder that pools by wavelets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import impasto
from impasto.functional.losses import relative_error
from impasto.networks import VGGDecoder, VGGEncoder, fit_convolution, loss_autocast, require_vgg, starting_decoders
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .training import PIXEL_WEIGHT, TRANSFORMED_WEIGHT
from .transfer import wct
from .wavelets import DETAILS, LAYER, Hook, check_details, features_and_details, haar, unchanged, wavelet_features

SAMPLES = 32
"""Crops for the least squares that the decoder begins with."""


class WCTPhotoDecoder(Trainer, name="wct-photo-decoder"):
    """Train a decoder to paint from features and the details that pooling took away (Yoo et al. 2019)."""

    steps = 5_000
    precision = "bf16"

    images: str = impasto.param(reads=True, help="folder of photographs")
    encoder: str = impasto.param(reads=True, default="slim19", help="encoder to paint from: a name or a file")
    start: str = impasto.param(
        reads=True, default="", help="file of a decoder to go on from; empty begins by least squares"
    )
    size: int = impasto.param(default=128, low=64, high=65_536, multiple=8, help="side of the crops in pixels")
    batch: int = impasto.param(default=4, low=2, high=4096, help="crops in a step; each is also a style for the next")
    learning_rate: float = impasto.param(default=3e-3, low=0, high=10, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Synthesis:
        """Return the task."""
        return Synthesis(self, device, seed)


class Synthesis(Task):
    """Train a decoder to invert the analysis, of photographs and of features with another photograph's statistics.

    Of such features no picture is known, but the encoder must give the same features of what is painted from them.

    Args:
        trainer: pictures, networks and numbers.
        device: where it trains.
        seed: of the crops that it starts with.
    """

    def __init__(self, trainer: WCTPhotoDecoder, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.device = trainer, device
        self.encoder = require_vgg(trainer.name, impasto.encoder(trainer.encoder, device=device))
        self.photographs = Crops(pictures(trainer.images), trainer.size, aspect=1.1)
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        if trainer.start:
            decoder = starting_decoders(trainer.name, trainer.start, self.encoder, LAYER)[LAYER]
            check_details(f"{trainer.name}: {trainer.start}", decoder)
        else:
            decoder = fit_photo_decoder(self.encoder, self.photographs.draw(SAMPLES, rng).to(device))
        decoder.to(device).to(memory_format=torch.channels_last)
        self.networks = {LAYER: decoder}
        self.optimisers = {LAYER: Soap(decoder, lr=trainer.learning_rate)}

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs."""
        return self.photographs.draw(self.trainer.batch, rng)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield the errors of pixels, of the features encoded again, and of transformed features encoded again."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            natural = self.encoded(image)
            transformed = self.encoded(image, self.wct_hook(image.roll(1, 0)))
        targets = {layer: torch.cat([natural[layer], transformed[layer]]) for layer in natural}
        painted = networks[LAYER](targets).float()
        again = self.encoded(painted)
        count = len(image)
        errors = [
            torch.stack([relative_error(again[layer][rows], targets[layer][rows]) for layer in targets]).mean()
            for rows in (slice(count), slice(count, None))
        ]
        yield (
            LAYER,
            {
                "pixels": PIXEL_WEIGHT * (painted[:count] - image).square().mean(),
                "features": errors[0],
                "transformed": TRANSFORMED_WEIGHT * errors[1],
            },
        )

    def encoded(self, image: Tensor, hook: Hook = unchanged) -> dict[str, Tensor]:
        """Return the features and details of pictures in float32."""
        with loss_autocast(self.device):
            return {layer: x.float() for layer, x in features_and_details(self.encoder, image, hook).items()}

    @torch.no_grad()
    def wct_hook(self, style: Tensor) -> Hook:
        """Return the hook that gives the first layer of each block the mean and covariance of style pictures."""
        layers = (*DETAILS, LAYER)
        with loss_autocast(self.device):
            style_features = wavelet_features(self.encoder, style, layers)
        return lambda layer, x: wct(x, style_features[layer]) if layer in layers else x

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a row of photographs, and below what the decoder paints of them and of transformed features."""
        image = self.shown.to(self.device)
        hooks: Sequence[Hook] = (unchanged, self.wct_hook(image.roll(1, 0)))
        return preview_grid([image, *(networks[LAYER](self.encoded(image, hook)).float() for hook in hooks)])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoder in fp16."""
        return [save_half(folder / "decoder.safetensors", networks[LAYER].state_dict())]


@torch.no_grad()
def fit_photo_decoder(encoder: VGGEncoder, images: Tensor) -> VGGDecoder:
    """Return a decoder whose convolutions, deep to shallow, were fitted by least squares.

    Each is fitted to the input of its counterpart in the encoder; details are added as they were taken away.

    Args:
        encoder: of VGG-19's plan.
        images: (B, 3, H, W), sRGB in [0, 1], to learn from; sides are multiples of 8.
    """
    decoder = VGGDecoder.for_encoder(encoder, LAYER, DETAILS).to(images.device)
    for layer in DETAILS:
        nn.init.dirac_(decoder.get_parameter(f"{layer.replace('relu', 'skip')}.weight"))
    sources = [f"relu{name}" for name in decoder.convolutions[1:]]
    features = wavelet_features(encoder, images, sources)
    details = features_and_details(encoder, images)
    x, rng = details[LAYER], torch.Generator().manual_seed(0)
    for name, source in zip(decoder.convolutions, (*sources, None), strict=True):
        target = images if source is None else features[source]
        if name.endswith("_1") and source is not None:
            target, _ = haar(target)
        x = fit_convolution(decoder, name, x, target, rng)
        if name.endswith("_1") and source is not None:
            x = x + details[f"relu{int(name[0]) - 1}_1"]
    return decoder
