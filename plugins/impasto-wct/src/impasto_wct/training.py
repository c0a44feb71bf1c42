"""The training of the shipped decoders: to paint again what a layer of the encoder sees, also after its change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import impasto
from impasto import Encoder
from impasto.files import write_atomically
from impasto.functional import statistics
from impasto.networks import Decoder, Judge, inverted, load_decoders, seen_by
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures

from .transfer import wct

LEVELS = (1, 2, 3, 4, 5)
PIXEL_WEIGHT = 10.0
"""Of the mean squared error of sRGB beside the relative squared error of features: about even."""
SAMPLES = 48
"""Crops for the least squares that decoders begin with."""
CONTENT_WEIGHT = 0.5
"""Of the loss network's content beside its style."""
TRANSFORMED_WEIGHT = 0.25
"""Of the error of transformed features, most of which no picture has: it must not rule over what can be reached."""


class WCTDecoders(Trainer, name="wct-decoders"):
    """Teach decoders to paint from one layer of an encoder, what it saw and what it was given (Li et al. 2017)."""

    steps = 4_000
    precision = "bf16"
    average = 0.99

    images: str = impasto.param(help="folder of photographs")
    styles: str = impasto.param(help="folder of paintings")
    encoder: str = impasto.param(default="slim19", help="encoder to paint from: a name or a file")
    levels: tuple[int, ...] = impasto.param(
        default=LEVELS, low=1, high=5, help="which decoders to teach: 3 is the one from relu3_1"
    )
    loss_network: str = impasto.param(
        default="slim19-half", help="network that measures stylized pictures: a name or a file"
    )
    style_weight: float = impasto.param(
        default=1.0, low=0, help="of a painting's moments in stylized pictures; 0 only reconstructs, as in the paper"
    )
    start: str = impasto.param(
        default="", help="file of decoders to go on from; a level it lacks begins by least squares"
    )
    size: int = impasto.param(default=160, low=64, help="side of the crops in pixels")
    batch: int = impasto.param(default=4, low=2, help="crops in a step, photographs and paintings by halves")
    learning_rate: float = impasto.param(default=3e-3, low=0, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Reconstruction:
        """Return the task."""
        return Reconstruction(
            impasto.encoder(self.encoder, device=device),
            impasto.encoder(self.loss_network, calibrated=True, device=device),
            pictures(self.images),
            pictures(self.styles),
            levels=self.levels,
            start=load_decoders(self.start) if self.start else {},
            style_weight=self.style_weight,
            size=self.size,
            batch=self.batch,
            learning_rate=self.learning_rate,
            device=device,
            seed=seed,
        )


class Reconstruction(Task):
    """Teach decoders to undo an encoder, on pictures and on the way of a cascade of whitening and colouring.

    Each decoder is shown natural features, whose pictures are known.  And photographs go through the cascade, deep to
    shallow: there each decoder is shown what its level will give it in use, features with a painting's mean and
    covariance.  Of those no picture is known, but the encoder must see in it what the decoder was asked for, and a
    loss network, another one that knows VGG-19 better, the photograph's content and the painting's moments.
    """

    def __init__(
        self,
        encoder: Encoder,
        loss_network: Encoder,
        photographs: Sequence[Path],
        paintings: Sequence[Path],
        *,
        levels: Sequence[int] = LEVELS,
        start: Mapping[str, Decoder] | None = None,
        style_weight: float = 1.0,
        size: int = 160,
        batch: int = 4,
        learning_rate: float = 3e-3,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoder, self.device, self.count = encoder, torch.device(device), batch
        self.style_weight = style_weight
        self.start = dict(sorted((start or {}).items()))
        self.photographs = Crops(photographs, size, aspect=1.1)
        self.paintings = Crops(paintings, size, aspect=1.4)  # found squeezed to squares
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng)
        samples = torch.cat([self.batch(rng) for _ in range(-(-SAMPLES // batch))]).to(self.device)
        self.judge = Judge(loss_network, samples)
        self.networks, self.optimisers = {}, {}
        for layer in [f"relu{level}_1" for level in sorted(levels)]:
            tail = next((self.start[one] for one in reversed(self.start) if one < layer and one != "relu1_1"), None)
            decoder = self.start.get(layer) or inverted(encoder, layer, samples, tail=tail)
            decoder.to(self.device).to(memory_format=torch.channels_last)
            if layer == "relu1_1":  # one convolution, of which least squares found the best
                self.start[layer] = decoder
                continue
            self.networks[layer], self.optimisers[layer] = decoder, Soap(decoder, lr=learning_rate)

    def batch(self, rng: torch.Generator) -> Tensor:
        """Return crops of photographs, then as many of paintings."""
        half = self.count // 2
        return torch.cat([self.photographs.draw(half, rng), self.paintings.draw(half, rng)])

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Tensor, rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield, deep to shallow, the errors of pixels, features, transformed features, and under the loss network."""
        image = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        photographs, paintings = image.chunk(2)
        decoders: dict[str, nn.Module] = {**self.start, **networks}
        every = sorted(decoders, reverse=True)
        with torch.no_grad():
            seen = self.see(image, every[0])
            judged = self.judge(photographs), self.judge(paintings)
            content = with_moments(judged[0][self.judge.layers[-1]], judged[1][self.judge.layers[-1]])
        stylized = photographs
        # Every other cascade starts below the deepest level, as by default in use.
        skipped = every[0] if len(every) > 1 and torch.rand((), generator=rng) < 0.5 else None
        for layer in every:
            with torch.no_grad():
                moved = wct(self.see(stylized, layer)[layer], seen[layer].chunk(2)[1])
            if layer not in networks:
                with torch.no_grad():
                    stylized = decoders[layer](moved).clamp(0, 1)
                continue
            painted = decoders[layer](torch.cat([seen[layer], moved])).float()
            again = self.see(painted, layer)
            natural = [relative(x[: len(image)], seen[name]) for name, x in again.items()]
            found = self.judge(painted[len(image) :])
            yield (
                layer,
                {
                    f"{layer} pixels": PIXEL_WEIGHT * (painted[: len(image)] - image).square().mean(),
                    f"{layer} features": torch.stack(natural).mean(),
                    f"{layer} transformed": TRANSFORMED_WEIGHT * relative(again[layer][len(image) :], moved),
                    f"{layer} content": self.style_weight * CONTENT_WEIGHT * self.judge.content(found, content),
                    f"{layer} style": self.style_weight * self.judge.style(found, judged[1]),
                },
            )
            if layer != skipped:
                stylized = painted[len(image) :].detach().clamp(0, 1)

    def see(self, image: Tensor, layer: str) -> dict[str, Tensor]:
        """Return the encoder's features of each block's first layer, down to `layer`."""
        layers = [f"relu{level}_1" for level in range(1, int(layer[4]) + 1)]
        return seen_by(self.encoder, image, layers)

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a row of pictures, and below what each decoder makes of them and of transformed features."""
        image = self.shown.to(self.device)
        half = len(image) // 2
        seen = self.see(image, list(networks)[-1])
        rows = [torch.cat([image, image[half:]])]
        for layer, network in networks.items():
            moved = wct(seen[layer][:half], seen[layer][half:])
            rows.append(network(torch.cat([seen[layer], moved])).float())
        return torch.cat([torch.cat(list(row.clamp(0, 1)), dim=-1) for row in rows], dim=-2)[None]

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the decoders, with those of other levels that the training started from, in fp16."""
        from safetensors.torch import save_file

        tensors = {
            f"{layer}.{key}": value
            for layer, network in (self.start | dict(networks)).items()
            for key, value in network.state_dict().items()
        }
        half = {key: value.half().contiguous().cpu() for key, value in sorted(tensors.items())}
        file = folder / "decoders.safetensors"
        write_atomically(file, partial(save_file, half))
        return [file]


def with_moments(content: Tensor, style: Tensor) -> Tensor:
    """Return content features with the style's means and deviations."""
    (mean, std), (goal, spread) = statistics.mean_std(content), statistics.mean_std(style)
    return (content - mean) / std * spread + goal


def relative(estimate: Tensor, truth: Tensor) -> Tensor:
    """Return the squared error of features relative to their power."""
    return (estimate - truth).square().sum() / truth.square().sum().clamp_min(1e-12)
