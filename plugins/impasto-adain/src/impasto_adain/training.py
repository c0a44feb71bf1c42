"""The recipe of the shipped decoder: the target's content, the style's moments, and pictures left as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import impasto
from impasto import Encoder, ParameterError
from impasto.files import write_atomically
from impasto.functional.statistics import Moments, covariance
from impasto.networks import Decoder, Goal, Judge, check_pair, inverted, load_decoders, narrowed, seen_by
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures

from .transfer import LAYER, adain, turned

SAMPLES = 32
"""Crops that losses are scaled by, and that a decoder without a start begins with."""
ENLARGED = 0.15
"""Share of photographs shown as smooth and flat as those of many megapixels are."""
RECOLOURED = 0.3
"""Share of pictures whose red, green and blue are exchanged; without them blue lights come out cyan."""
PIXEL_WEIGHT = 10.0
"""Of the mean squared error of sRGB beside the relative squared error of features: about even."""


class AdaINDecoder(Trainer, name="adain-decoder"):
    """Teach a decoder to paint features whose mean and deviation were exchanged (Huang and Belongie 2017)."""

    steps = 2_000
    precision = "bf16"
    average = 0.995

    images: str = impasto.param(help="folder of photographs")
    styles: str = impasto.param(help="folder of paintings")
    encoder: str = impasto.param(default="slim19", help="encoder to paint from: a name or a file")
    loss_network: str = impasto.param(default="slim19-half", help="network that measures the losses: a name or a file")
    start: str = impasto.param(
        default="", help="file with a decoder for relu4_1 to begin with, such as wct-decoders trains"
    )
    skips: tuple[str, ...] = impasto.param(
        default=("relu3_1",),
        choices=("relu3_1", "relu2_1", "relu1_1"),
        help="shallower layers that the decoder takes as well; empty as in the paper",
    )
    widths: tuple[int, ...] = impasto.param(
        default=(),
        help="channels of the decoder's blocks, shallow to deep, such as 16 32 32; empty: as many as the encoder has",
    )
    style_weight: float = impasto.param(default=5.0, low=0, help="of the moments of style; that of content is 1")
    identity_weight: float = impasto.param(
        default=3.0, low=0, help="of leaving a picture as it is that is its own style"
    )
    size: int = impasto.param(default=144, low=64, help="side of the crops in pixels")
    batch: int = impasto.param(default=4, low=1, help="pairs of a photograph and a painting in a step")
    learning_rate: float = impasto.param(default=1e-3, low=0, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Stylization:
        """Return the task."""
        encoder = impasto.encoder(self.encoder, device=device)
        start = None
        if self.start:
            start = load_decoders(self.start).get(LAYER)
            if start is None:
                raise ParameterError(f"{self.name}: {self.start} holds no decoder for {LAYER} to begin with")
            check_pair(f"{self.name}: the decoder {self.start}", start, encoder)
        return Stylization(
            encoder,
            impasto.encoder(self.loss_network, calibrated=True, device=device),
            pictures(self.images),
            pictures(self.styles),
            start=start,
            skips=self.skips,
            widths=self.widths,
            style_weight=self.style_weight,
            identity_weight=self.identity_weight,
            size=self.size,
            batch=self.batch,
            learning_rate=self.learning_rate,
            device=device,
            seed=seed,
        )


class Stylization(Task):
    """Teach a decoder for exchanged statistics; another network, which knows VGG-19 better, measures the losses.

    The loss network compares what is painted with what it would itself make of content and style: its own features of
    the content, given the statistics of its features of the style.
    """

    def __init__(
        self,
        encoder: Encoder,
        loss_network: Encoder,
        photographs: Sequence[Path],
        paintings: Sequence[Path],
        *,
        start: Decoder | None = None,
        skips: Sequence[str] = ("relu3_1",),
        widths: Sequence[int] = (),
        style_weight: float = 5.0,
        identity_weight: float = 3.0,
        size: int = 144,
        batch: int = 4,
        learning_rate: float = 1e-3,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoder, self.device = encoder, torch.device(device)
        self.style_weight, self.identity_weight, self.count = style_weight, identity_weight, batch
        self.photographs = Crops(photographs, size, aspect=1.1, enlarged=ENLARGED, recoloured=RECOLOURED)
        # Paintings were found squeezed to squares.
        self.paintings = Crops(paintings, size, aspect=1.4, recoloured=RECOLOURED)
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        samples = torch.cat([self.batch(rng) for _ in range(-(-SAMPLES // (2 * batch)))]).to(self.device)
        known = start or inverted(encoder, LAYER, samples)
        decoder = Decoder.mirroring(encoder, LAYER, skips, known.widths[:-1]).to(self.device)
        # Skips begin at zero, and change nothing of what is known.
        decoder.load_state_dict(known.state_dict(), strict=False)
        self.layers = decoder.layers
        if widths and tuple(widths) != decoder.widths[:-1]:
            features = {layer: asked(x) for layer, x in self.encoded(samples).items()}
            decoder = narrowed(decoder, widths, features)
        decoder.to(memory_format=torch.channels_last)
        self.networks = {"decoder": decoder}
        self.optimisers = {"decoder": Soap(decoder, lr=learning_rate)}
        self.judge = Judge(loss_network, samples)

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs, then as many of paintings."""
        return torch.cat([self.photographs.draw(self.count, rng), self.paintings.draw(self.count, rng)])

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield content, style, and what changes in pictures that are their own style."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        pairs = len(image) // 2
        kept = list(range(0, len(image), 2))  # half photographs, half paintings
        with torch.no_grad():
            wanted = {layer: torch.cat([asked(x), x[kept]]) for layer, x in self.encoded(image).items()}
            seen = self.judge(image)
            target = asked(seen[LAYER])
        painted = networks["decoder"](wanted).float()
        found = self.judge(painted)
        stylized = {layer: x[:pairs] for layer, x in found.items()}
        same = {layer: x[pairs:] for layer, x in found.items()}
        pixels = PIXEL_WEIGHT * (painted[pairs:] - image[kept]).square().mean()
        yield (
            "decoder",
            {
                "content": self.judge.content(stylized, target),
                "style": self.style_weight * self.judge.style(stylized, {k: x[pairs:] for k, x in seen.items()}),
                "identity": self.identity_weight
                * (self.judge.error(same, {layer: x[kept] for layer, x in seen.items()}) + pixels),
            },
        )

    def encoded(self, image: Tensor) -> dict[str, Tensor]:
        """Return the features that the decoder paints from."""
        return seen_by(self.encoder, image, self.layers)

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return content, style, the content painted, and the content painted as its own style, in rows."""
        image = self.shown.to(self.device)
        wanted = {}
        for layer, x in self.encoded(image).items():
            wanted[layer] = torch.cat([asked(x), x[: len(x) // 2]])
        painted = networks["decoder"](wanted).float().clamp(0, 1)
        rows = [*image.chunk(2), *painted.chunk(2)]
        return torch.cat([torch.cat(list(row), dim=-1) for row in rows], dim=-2)[None]

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoder in fp16."""
        from safetensors.torch import save_file

        state = networks["decoder"].state_dict()
        half = {key: value.half().contiguous().cpu() for key, value in state.items()}
        file = folder / "decoder.safetensors"
        write_atomically(file, partial(save_file, half))
        return [file]


def asked(features: Tensor) -> Tensor:
    """Return what contents and then styles are made into: by deviations the first pairs, by covariances the others."""
    content, style = features.chunk(2)
    half = -(-len(content) // 2)
    source, goal = (Moments.of(x[half:], covariance) for x in (content, style))
    return torch.cat([adain(content[:half], style[:half]), turned(source, [Goal(goal, 1.0)])(content[half:])])
