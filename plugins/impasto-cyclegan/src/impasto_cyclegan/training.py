"""The training: two generators that undo each other, and two discriminators that they have to fool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import impasto
from impasto import ParameterError
from impasto.functional.losses import STATISTICS, STYLE_LAYERS, StyleGoal
from impasto.functional.random import seeded_layers
from impasto.networks import perceptual_features
from impasto.optim import Soap
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .discriminators import ADVERSARIAL, LAYERS, PatchGAN, ProjectedDiscriminator
from .generators import DIRECTIONS, ResNetGenerator, UNetGenerator

SAMPLES = 32
"""Crops of each domain that the deviations of features are taken from, and of the second its style."""
SHIFTS = 16
"""Where the crop that a projected discriminator sees may begin, in pixels: every place on the grid of relu5_1."""
SHOWN = 4
"""Pictures of each domain in a preview."""
CLIP = 0.01
"""The largest weight of a discriminator under the Wasserstein loss (Arjovsky et al. 2017)."""
DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": nn.functional.l1_loss,
    "l2": nn.functional.mse_loss,
}
GENERATORS = ("resnet-4", "resnet-6", "resnet-9", "unet-128", "unet-256")


class CycleGANTrainer(Trainer, name="cyclegan"):
    """Train two generators to turn one domain of pictures into another and back (Zhu et al. 2017)."""

    steps = 4_000
    precision = "bf16"
    average = 0.995

    a: str = impasto.param(reads=True, help="folder of pictures of the first domain, such as photographs")
    b: str = impasto.param(reads=True, help="folder of pictures of the second domain, such as paintings")
    generator: str = impasto.param(
        default="resnet-4", choices=GENERATORS, help="plan of the generators; the paper's is resnet-9"
    )
    width: int = impasto.param(
        default=12, low=1, high=4096, help="channels of the generators at full size; the paper's is 64"
    )
    transposed: bool = impasto.param(
        default=False,
        help="resnet generators double by transposed convolutions, as the paper's; or else by interpolation",
    )
    residual: bool = impasto.param(
        default=True, help="resnet generators give the change of a picture, at first none; the paper's give the picture"
    )
    discriminator: str = impasto.param(
        default="projected",
        choices=("projected", "patch"),
        help="what tells real from painted: heads on the features of slim19, or the paper's PatchGAN",
    )
    discriminator_width: int = impasto.param(
        default=32, low=1, high=4096, help="channels of the discriminators; the paper's is 64"
    )
    adversarial: str = impasto.param(
        default="hinge",
        choices=tuple(ADVERSARIAL),
        help="loss of fooling; DiscoGAN's is vanilla, DualGAN's wasserstein",
    )
    adversarial_weight: float = impasto.param(default=1.0, low=0, high=1e6, help="of that loss")
    distance: str = impasto.param(
        default="l1", choices=tuple(DISTANCES), help="between a picture and what comes back; DiscoGAN's is l2"
    )
    cycle_weight: float = impasto.param(
        default=3.0, low=0, high=1e6, help="of what comes back; the paper's lambda is 10"
    )
    identity_weight: float = impasto.param(
        default=0.0,
        low=0,
        high=1e6,
        help="of leaving alone what is of the domain already, of the cycle's; the paper's is 0.5",
    )
    style_weight: float = impasto.param(
        default=0.0,
        low=0,
        high=1e6,
        help="of brush and palette that pictures of the second domain have in common; the paper has no such loss",
    )
    pool: int = impasto.param(
        default=50, low=0, high=100_000, help="painted pictures kept for the discriminators; 0: none"
    )
    size: int = impasto.param(default=128, low=32, high=65_536, multiple=4, help="side of the crops in pixels")
    batch: int = impasto.param(default=1, low=1, high=4096, help="pictures of each domain in a step")
    optimiser: str = impasto.param(default="soap", choices=("soap", "adam"), help="of both sides; the paper's is adam")
    learning_rate: float = impasto.param(default=1e-3, low=0, high=10, help="of the generators; the paper's is 2e-4")
    discriminator_learning_rate: float = impasto.param(
        default=1e-3, low=0, high=10, help="of the discriminators; the paper's is 2e-4"
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if self.discriminator == "projected" and self.size < 64:
            raise ParameterError(
                f"{self.name}: size = {self.size} leaves nothing for the projected discriminator to see\n"
                "  what would work: 64 or more, or discriminator='patch'"
            )
        if self.optimiser == "soap" and (self.transposed or self.generator.startswith("unet")):
            raise ParameterError(
                f"{self.name}: SOAP trains no transposed convolutions, by which this generator doubles\n"
                "  what would work: optimiser='adam'; or a resnet with transposed=False"
            )

    def task(self, device: torch.device, seed: int = 0) -> Cycle:
        """Return the task."""
        return Cycle(self, pictures(self.a), pictures(self.b), device=device, seed=seed)

    def new_generator(self) -> nn.Module:
        """Return an untrained generator."""
        kind, _, depth = self.generator.partition("-")
        if kind == "unet":
            return UNetGenerator(self.width, {"128": 7, "256": 8}[depth])
        return ResNetGenerator(self.width, int(depth), self.transposed, self.residual)

    def new_optimiser(self, networks: Iterable[nn.Module], rate: float) -> torch.optim.Optimizer:
        """Return an optimiser of the weights of networks."""
        both = nn.ModuleList(networks)
        if self.optimiser == "soap":
            return Soap(both, lr=rate, betas=(0.9, 0.95))
        return torch.optim.Adam(both.parameters(), lr=rate, betas=(0.5, 0.999))


class ImagePool:
    """Keep painted pictures, so that a discriminator does not forget what it was shown (Shrivastava et al. 2017).

    Until the pool is full every picture is kept and passed on.  Then each is, with an even chance, passed on, or kept
    in the place of one that is passed on instead.

    Args:
        size: how many pictures; 0 keeps none.

    Example:
        >>> import torch
        >>> pool = ImagePool(2)
        >>> pool.exchange(torch.rand(3, 3, 8, 8), torch.Generator()).shape
        torch.Size([3, 3, 8, 8])
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return as many pictures (B, 3, H, W) as are given, some of them from before."""
        shown = []
        for image in images.detach():
            if len(self.pictures) < self.size:
                self.pictures.append(image.clone())  # of its own, not a part of a batch
            elif self.size and torch.rand((), generator=rng, dtype=torch.float32, device="cpu") < 0.5:
                place = int(torch.randint(self.size, (), generator=rng, device="cpu"))
                image, self.pictures[place] = self.pictures[place], image.clone()
            shown.append(image)
        return torch.stack(shown)


class Cycle(Task):
    """Train generators a→b and b→a to fool a discriminator of each domain, and to undo each other."""

    decay = 0.5  # as in the paper: half of the steps at the full rate, then linearly to 0

    def __init__(
        self, trainer: CycleGANTrainer, a: Sequence[Path], b: Sequence[Path], *, device: torch.device, seed: int = 0
    ) -> None:
        self.trainer, self.device = trainer, device
        self.crops = {"a": Crops(a, trainer.size, aspect=1.2), "b": Crops(b, trainer.size, aspect=1.2)}
        self.adversarial, self.distance = ADVERSARIAL[trainer.adversarial], DISTANCES[trainer.distance]
        self.pools = {"a": ImagePool(trainer.pool), "b": ImagePool(trainer.pool)}
        rng = torch.Generator().manual_seed(seed)
        self.shown = {domain: crops.draw(SHOWN, rng) for domain, crops in self.crops.items()}
        self.project: Callable[[Tensor], Any] = lambda image: image
        if trainer.discriminator == "projected":
            samples = torch.cat([crops.draw(SAMPLES, rng) for crops in self.crops.values()])
            self.project = NormalisedFeatures(samples.to(device))
        self.style = CommonStyle(self.crops["b"].draw(SAMPLES, rng).to(device)) if trainer.style_weight else None
        with seeded_layers(seed):
            generators = {direction: trainer.new_generator() for direction in DIRECTIONS}
            discriminators = {f"discriminator-{domain}": self._new_discriminator() for domain in self.crops}
        # In torch's own layout: the gradient of normalisation is many times as slow in channels_last.
        self.networks = {name: network.to(device) for name, network in (generators | discriminators).items()}
        self.optimisers = {
            "generators": trainer.new_optimiser(generators.values(), trainer.learning_rate),
            "discriminators": trainer.new_optimiser(discriminators.values(), trainer.discriminator_learning_rate),
        }

    def _new_discriminator(self) -> nn.Module:
        if isinstance(self.project, NormalisedFeatures):
            return ProjectedDiscriminator(self.project.channels, self.trainer.discriminator_width)
        return PatchGAN(self.trainer.discriminator_width)

    def batch(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Return crops of each domain."""
        return {domain: crops.draw(self.trainer.batch, rng) for domain, crops in self.crops.items()}

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor], rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield those of the generators (fooling, coming back, staying), then those of the discriminators."""
        real = {domain: image.to(self.device) for domain, image in batch.items()}
        discriminators = {domain: networks[f"discriminator-{domain}"] for domain in real}
        for discriminator in discriminators.values():
            discriminator.requires_grad_(False)
        fake, losses = {}, {}
        for direction, (there, back) in zip(DIRECTIONS, (("a", "b"), ("b", "a")), strict=True):
            paint = networks[direction]
            if self.trainer.identity_weight:
                # Instance normalisation takes each picture alone, so both go through at once.
                fake[back], same = paint(torch.cat([real[there], real[back]])).chunk(2)
                weight = self.trainer.cycle_weight * self.trainer.identity_weight
                losses[f"identity {back}"] = weight * self.image_distance(same, real[back])
            else:
                fake[back] = paint(real[there])
        for direction, (there, back) in zip(DIRECTIONS, (("a", "b"), ("b", "a")), strict=True):
            losses[f"cycle {back}"] = self.trainer.cycle_weight * self.image_distance(
                networks[direction](fake[there]), real[back]
            )
            maps = discriminators[back](self.project(self.random_crop(fake[back], rng)))
            losses[f"fool {back}"] = self.trainer.adversarial_weight * self.adversarial.generator(maps)
        if self.style is not None:
            losses["style b"] = self.trainer.style_weight * self.style.distance(self.random_crop(fake["b"], rng))
        yield "generators", losses

        for discriminator in discriminators.values():
            discriminator.requires_grad_(True)
            if self.trainer.adversarial == "wasserstein":
                with torch.no_grad():
                    for parameter in discriminator.parameters():
                        parameter.clamp_(-CLIP, CLIP)
        shown = {domain: self.pools[domain].exchange(image, rng) for domain, image in fake.items()}
        yield (
            "discriminators",
            {
                f"discriminator {domain}": self.discriminator_loss(discriminator, real[domain], shown[domain], rng)
                for domain, discriminator in discriminators.items()
            },
        )

    def image_distance(self, painted: Tensor, target: Tensor) -> Tensor:
        """Return the distance of pictures, measured in [-1, 1] as the paper's weights are meant for."""
        return self.distance(2 * painted.float(), 2 * target)

    def random_crop(self, image: Tensor, rng: torch.Generator) -> Tensor:
        """Return the part of pictures that a discriminator sees, which begins anywhere (Zhao et al. 2020).

        Generators and encoders halve pictures; where their grids always meet, one hides a weave from the other.
        """
        if self.trainer.discriminator == "patch":
            return image
        top, left = (int(torch.randint(SHIFTS, (), generator=rng, device="cpu")) for _ in range(2))
        side = self.trainer.size - SHIFTS
        return image[..., top : top + side, left : left + side]

    def discriminator_loss(self, discriminator: nn.Module, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        """Return the discriminator's loss on pictures of its domain and painted ones."""
        with torch.no_grad():
            projected = self.project(self.random_crop(torch.cat([real, fake]), rng))
        maps = discriminator(projected)
        return self.adversarial.discriminator([x[: len(real)] for x in maps], [x[len(real) :] for x in maps])

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return a→b→a in the left three columns and b→a→b in the right three, a row for each picture."""
        columns = []
        for start, (first, second) in (("a", DIRECTIONS), ("b", DIRECTIONS[::-1])):
            given = self.shown[start].to(self.device)
            painted = networks[first](given).float().clamp(0, 1)
            columns += [given, painted, networks[second](painted).float()]
        return preview_grid(zip(*columns, strict=True))

    def state(self) -> dict[str, Any]:
        """Return the pools."""
        return {domain: [picture.cpu() for picture in pool.pictures] for domain, pool in self.pools.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back the pools."""
        for domain, pool in self.pools.items():
            pool.pictures = [picture.to(self.device) for picture in state[domain]]

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write both generators in fp16."""
        tensors = {
            f"{direction}.{key}": value
            for direction in DIRECTIONS
            for key, value in networks[direction].state_dict().items()
        }
        return [save_half(folder / "cyclegan.safetensors", tensors)]


class CommonStyle:
    """What pictures have in common in brush and palette: means and covariances of the features of all of them.

    Args:
        pictures: (B, 3, H, W), sRGB in [0, 1].

    Example:
        >>> import torch
        >>> paintings = torch.rand(2, 3, 64, 64)
        >>> bool(CommonStyle(paintings).distance(paintings) < 0.05)
        True
    """

    def __init__(self, pictures: Tensor) -> None:
        self.encoder = impasto.encoder("slim19", pooling="average", device=pictures.device)
        with torch.no_grad():
            features = perceptual_features(self.encoder, pictures, list(STYLE_LAYERS))
        # Below each other they are one picture, and its statistics those of all.
        joined = {layer: x.transpose(0, 1).flatten(1, 2)[None] for layer, x in features.items()}
        self.goal = StyleGoal(joined, STATISTICS["wasserstein2"])

    def distance(self, painted: Tensor) -> Tensor:
        """Return how far pictures (B, 3, H, W) are from it, each by itself: the mean, a scalar; 1: as far as black."""
        features = perceptual_features(self.encoder, painted, list(STYLE_LAYERS))
        count = len(painted)
        single = [{layer: x[index : index + 1] for layer, x in features.items()} for index in range(count)]
        return torch.stack([self.goal.distance(one) for one in single]).mean()


class NormalisedFeatures:
    """The features of slim19 with deviation 1 in each channel, pooled by averages, which pass on every gradient.

    Args:
        samples: (B, 3, H, W), the pictures that deviations are taken of.
    """

    def __init__(self, samples: Tensor) -> None:
        self.encoder = impasto.encoder("slim19", pooling="average", device=samples.device)
        self.channels = {layer: self.encoder.channels[layer] for layer in LAYERS}
        self.deviations: dict[str, Tensor] = {}
        with torch.no_grad():
            features = self(samples)
        self.deviations = {layer: x.std((0, 2, 3), keepdim=True).clamp_min(1e-3) for layer, x in features.items()}

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return features."""
        features = perceptual_features(self.encoder, image, LAYERS)
        return {layer: x / self.deviations.get(layer, x.new_ones(())) for layer, x in features.items()}
