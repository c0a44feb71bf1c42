"""The training: Gatys' losses, paid once in a training instead of at every picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import impasto
from impasto import Encoder
from impasto.functional import statistics
from impasto.functional.losses import CONTENT_LAYER, STYLE_LAYERS, StyleGoal, content_loss, total_variation
from impasto.functional.random import seeded_layers
from impasto.functional.resizing import fit_within
from impasto.networks import perceptual_features
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half, style_names

from .checkpoints import tensors
from .network import Network

NORM_RATE = 5.0
"""How much faster scales and shifts move than kernels: each is moved only when its style comes up."""


class FastTrainer(Trainer, name="fast"):
    """Train one network to paint in one or many styles, in one pass (Johnson et al. 2016, Dumoulin et al. 2017)."""

    steps = 2_000
    precision = "bf16"
    average = 0.99

    images: str = impasto.param(reads=True, help="folder of photographs")
    styles: str = impasto.param(reads=True, help="folder of style pictures: one style each, named by its file")
    loss_network: str = impasto.param(
        reads=True, default="slim19", help="network that measures the losses: a name or a file"
    )
    statistic: str = impasto.param(
        default="wasserstein2",
        choices=lambda: impasto.get_host().statistics,
        help="what of the style's features is imitated; the paper's: gram",
    )
    content_weight: float = impasto.param(
        default=0.1, low=0, high=1e6, help="how much the content is kept; the style's is 1"
    )
    smoothness: float = impasto.param(
        default=1.0, low=0, high=1e6, help="weight of the squared differences of neighbours, which takes away grain"
    )
    width: int = impasto.param(
        default=16, low=1, high=4096, help="channels of the network at full size; the paper's is 32"
    )
    size: int = impasto.param(
        default=192, low=64, high=65_536, multiple=4, help="side of the crops of photographs in pixels"
    )
    style_size: int = impasto.param(
        default=256, low=64, high=65_536, help="longer side of the styles: sets how large strokes are"
    )
    batch: int = impasto.param(default=2, low=1, high=4096, help="photographs in a step, each with a style of its own")
    learning_rate: float = impasto.param(default=2e-3, low=0, high=10, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> Painting:
        """Return the task."""
        return Painting(self, device, seed)


def style_name(file: Path) -> str:
    """Return a style's name: that of its file, with nothing that a checkpoint's keys could be confused by."""
    return re.sub(r"[^\w-]+", "-", file.stem)


class Painting(Task):
    """Train a network to lower, in one pass, the losses that Gatys lowers in hundreds of steps."""

    def __init__(self, trainer: FastTrainer, device: torch.device, seed: int = 0) -> None:
        self.trainer, self.device = trainer, device
        files = pictures(trainer.styles, held_back=False)
        self.loss_network: Encoder = impasto.encoder(trainer.loss_network, device=device)
        self.photographs = Crops(pictures(trainer.images), trainer.size, aspect=1.1)
        images = [_read_style(file, trainer.style_size).to(device) for file in files]
        statistic = impasto.get_host().statistic(trainer.statistic)
        with torch.no_grad():
            self.goals = [StyleGoal(self.features(image), statistic) for image in images]
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.photographs.draw(3, rng)
        with seeded_layers(seed):
            network = Network(trainer.width, style_names(files, style_name))
        assert network.skip is not None
        assert network.skip.scale is not None
        assert network.skip.shift is not None
        for index, image in enumerate(images):
            # The picture begins in each style's colours: what Gatys' optimisation begins with.
            mean, deviation = statistics.mean_std(image)
            network.skip.scale.weight.data[:, index] = deviation.flatten().cpu()
            network.skip.shift.weight.data[:, index] = mean.flatten().cpu()
        self.networks = {"network": network.to(device).to(memory_format=torch.channels_last)}
        optimiser = Soap(network, lr=trainer.learning_rate)
        own = {id(linear.weight) for _, unit in network.units() for linear in (unit.scale, unit.shift) if linear}
        for group in optimiser.param_groups:
            if id(group["params"][0]) in own:
                group["lr"] *= NORM_RATE
        self.optimisers = {"network": optimiser}

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss network's features."""
        return perceptual_features(self.loss_network, image, list(STYLE_LAYERS))

    def batch(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return crops of photographs, and the number of the style that each shall be painted in."""
        count = self.trainer.batch
        images = self.photographs.draw(count, rng)
        order = torch.randperm(max(count, len(self.goals)), generator=rng, device="cpu")[:count]
        return images, order % len(self.goals)

    def losses(
        self, networks: Mapping[str, nn.Module], batch: tuple[Tensor, Tensor], rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield content, style and smoothness, as the stage `gatys` measures them."""
        image = batch[0].to(self.device).contiguous(memory_format=torch.channels_last)
        numbers = batch[1].tolist()
        painted = networks["network"](image, self._shares(numbers)).float()
        with torch.no_grad():
            target = self.features(image)[CONTENT_LAYER]
        features = self.features(painted)
        style, content = [], []
        for index, number in enumerate(numbers):
            single = {layer: x[index : index + 1] for layer, x in features.items()}
            style.append(self.goals[number].distance(single))
            content.append(content_loss(single[CONTENT_LAYER], target[index : index + 1]))
        yield (
            "network",
            {
                "content": self.trainer.content_weight * torch.stack(content).mean(),
                "style": torch.stack(style).mean(),
                "smoothness": self.trainer.smoothness * total_variation(painted),
            },
        )

    def _shares(self, numbers: Sequence[int]) -> Tensor:
        """Return the shares (B, S) that ask for one style each."""
        return F.one_hot(torch.tensor(numbers, dtype=torch.long, device="cpu"), len(self.goals)).float().to(self.device)

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a few photographs, and below each other as they are painted in every style."""
        image = self.shown.to(self.device)
        columns = [image]
        for number in range(len(self.goals)):
            columns.append(networks["network"](image, self._shares([number])).float())
        return preview_grid(zip(*columns, strict=True))

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the network in fp16."""
        network = networks["network"]
        assert isinstance(network, Network)
        return [save_half(folder / "fast.safetensors", tensors(network))]


def _read_style(file: Path, size: int) -> Tensor:
    """Return a style picture, shrunk to a longer side."""
    return fit_within(impasto.read(file).visible, size)
