"""The training: any style inside random masks, and borders that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import impasto
from impasto import Encoder
from impasto.functional.losses import CONTENT_LAYER, STYLE_LAYERS, StyleGoal
from impasto.functional.random import seeded_layers
from impasto.functional.resizing import resize, size_of
from impasto.networks import perceptual_features
from impasto.optim import Soap
from impasto.stage import composite
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .network import MOMENT_LAYERS, LocalNetwork, noise_map, resize_mask, style_moments

SHIFTS = 8
"""Where the crop that losses are measured on may begin, in pixels: every place on the grid of relu4_1.  Both networks
halve pictures; where their grids always meet, the one hides a weave from the other."""
SHOWN = 4
"""Pictures in a preview."""
EVERYWHERE = 0.15
"""Share of the training's masks that select everything."""
PAINTINGS = 256
"""Crops of paintings by whose moments those of styles are brought to about the same size."""
RECOLOURED = 0.3
"""Share of paintings whose red, green and blue are permuted: so that palettes of every hue come up."""


class LocalTrainer(Trainer, name="local"):
    """Train a network to paint any style inside a mask (after Sun and Liu 2020)."""

    steps = 12_000
    precision = "bf16"
    average = 0.995

    images: str = impasto.param(reads=True, help="folder of photographs")
    styles: str = impasto.param(reads=True, help="folder of paintings, the more the better")
    loss_network: str = impasto.param(
        reads=True, default="slim19", help="network that measures the losses: a name or a file"
    )
    statistic: str = impasto.param(
        default="wasserstein2",
        choices=lambda: impasto.get_host().statistics,
        help="what of the style's features is imitated inside the mask; gram is that of Gatys et al. 2015",
    )
    content_weight: float = impasto.param(
        default=0.1, low=0, high=1e6, help="how much the content is kept inside the mask; the style's is 1"
    )
    seam_weight: float = impasto.param(
        default=0.5, low=0, high=1e6, help="of steps that the paint makes at the mask's border"
    )
    smoothness: float = impasto.param(
        default=1.0, low=0, high=1e6, help="of the squared differences of neighbours inside, which takes away grain"
    )
    size: int = impasto.param(default=192, low=64, high=65_536, multiple=16, help="side of the crops in pixels")
    style_size: int = impasto.param(
        default=256, low=64, high=65_536, multiple=16, help="side of the paintings' crops: sets how large strokes are"
    )
    batch: int = impasto.param(
        default=2, low=1, high=4096, help="photographs in a step, each with a mask and style of its own"
    )
    learning_rate: float = impasto.param(default=2e-3, low=0, high=10, help="SOAP's learning rate")

    def task(self, device: torch.device, seed: int = 0) -> LocalTask:
        """Return the task."""
        return LocalTask(self, pictures(self.images), pictures(self.styles), device=device, seed=seed)


class LocalTask(Task):
    """Train one network on crops of photographs with random masks, and of paintings."""

    def __init__(
        self,
        trainer: LocalTrainer,
        photographs: Sequence[Path],
        styles: Sequence[Path],
        *,
        device: torch.device,
        seed: int = 0,
    ) -> None:
        self.trainer, self.device = trainer, device
        self.loss_network: Encoder = impasto.encoder(trainer.loss_network, device=device)
        self.encoder: Encoder = impasto.encoder("slim19", device=device)
        self.statistic = impasto.get_host().statistic(trainer.statistic)
        self.photographs = Crops(photographs, trainer.size, aspect=1.1)
        # Paintings were found squeezed to squares.
        self.paintings = Crops(styles, trainer.style_size, aspect=1.4, recoloured=RECOLOURED)
        rng = torch.Generator().manual_seed(seed)
        self.shown = self.batch(rng, SHOWN)
        with seeded_layers(seed):
            network = LocalNetwork()
        seen = torch.cat([self.moments(self.paintings.draw(1, rng).to(device)) for _ in range(PAINTINGS)])
        network.embed.spread, network.embed.centre = torch.std_mean(seen.cpu(), dim=0)
        self.networks = {"local": network.to(device)}
        self.optimisers = {"local": Soap(network, lr=trainer.learning_rate, betas=(0.9, 0.95))}

    @torch.no_grad()
    def moments(self, style: Tensor) -> Tensor:
        """Return what the network is told of styles (B, 3, H, W)."""
        return style_moments(style, perceptual_features(self.encoder, style, list(MOMENT_LAYERS)))

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Return the loss network's features."""
        return perceptual_features(self.loss_network, image, list(STYLE_LAYERS))

    def batch(self, rng: torch.Generator, count: int = 0) -> dict[str, Tensor]:
        """Return photographs, masks, and the paintings whose styles they get."""
        count = count or self.trainer.batch
        return {
            "image": self.photographs.draw(count, rng),
            "mask": torch.cat([random_mask(self.trainer.size, rng) for _ in range(count)]),
            "style": self.paintings.draw(count, rng),
        }

    def losses(
        self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor], rng: torch.Generator
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Yield content and style inside the mask, the seam at its border, and smoothness."""
        image, mask, styles = (batch[key].to(self.device) for key in ("image", "mask", "style"))
        painted = networks["local"](image, mask, self.embedded(networks, styles), noise_map(image, rng)).float()
        joined = image.lerp(painted, mask)  # what the host makes of it, so that paint is seen beside the photograph
        top, left = (int(torch.randint(SHIFTS, (), generator=rng, device="cpu")) for _ in range(2))
        side = self.trainer.size - SHIFTS
        window = (..., slice(top, top + side), slice(left, left + side))
        area = mask[window]
        with torch.no_grad():
            content = self.features(image[window])[CONTENT_LAYER]
            goals = [StyleGoal(self.features(style[None]), self.statistic) for style in styles]
        features = self.features(joined[window])
        style = []
        for index, goal in enumerate(goals):
            single = {layer: x[index : index + 1] for layer, x in features.items()}
            style.append(goal.distance(single, area[index : index + 1]))
        trainer = self.trainer
        yield (
            "local",
            {
                "content": trainer.content_weight * content_loss(features[CONTENT_LAYER], content, area),
                "style": torch.stack(style).mean(),
                "seam": trainer.seam_weight * seam_loss(joined - image, mask),
                "smoothness": trainer.smoothness * smoothness_loss(joined, mask),
            },
        )

    def embedded(self, networks: Mapping[str, nn.Module], styles: Tensor) -> Tensor:
        """Return the network's embedding (B, E) of styles (B, 3, H, W)."""
        network = networks["local"]
        assert isinstance(network, LocalNetwork)
        embedding: Tensor = network.embed(self.moments(styles))
        return embedding

    @torch.no_grad()
    def preview(self, networks: Mapping[str, nn.Module]) -> Tensor:
        """Return photographs, masks, styles, and photographs painted inside the masks, in rows."""
        image, mask, styles = (self.shown[key].to(self.device) for key in ("image", "mask", "style"))
        painted = networks["local"](image, mask, self.embedded(networks, styles)).float().clamp(0, 1)
        return preview_grid(
            [image, mask.expand_as(image), resize(styles, size_of(image)), composite(image, painted, mask)]
        )

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        """Write the network in fp16."""
        return [save_half(folder / "local.safetensors", networks["local"].state_dict())]


# -------------------------------------------------------------------------------------------------------- masks


def random_mask(size: int, rng: torch.Generator) -> Tensor:
    """Return a mask (1, 1, size, size): an ellipse, a half plane, blobs of noise or everything, hard or soft.

    Args:
        size: side in pixels.
        rng: what draws.

    Example:
        >>> import torch
        >>> mask = random_mask(64, torch.Generator().manual_seed(1))
        >>> bool(mask.max() == 1)
        True
    """

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=rng, dtype=torch.float32, device="cpu").item()

    if uniform(0, 1) < EVERYWHERE:
        return torch.ones(1, 1, size, size, dtype=torch.float32, device="cpu")
    y, x = torch.meshgrid(*2 * [torch.linspace(-1, 1, size, dtype=torch.float32, device="cpu")], indexing="ij")
    angle = torch.tensor(uniform(0, 2 * torch.pi), dtype=torch.float32, device="cpu")
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    kind = int(torch.randint(3, (), generator=rng, device="cpu"))
    if kind == 0:
        aside, squeeze = uniform(-0.6, 0.6), uniform(0.5, 1)
        height = -((along - aside).square() + (across / squeeze).square()).sqrt()
    elif kind == 1:
        height = along
    else:
        coarse = torch.randn(
            1,
            1,
            *2 * [int(torch.randint(4, 8, (), generator=rng, device="cpu"))],
            generator=rng,
            dtype=torch.float32,
            device="cpu",
        )
        height = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)[0, 0]
    # In pixels from the border, nearly: a height with the slope 1.
    height = height - height.flatten().quantile(uniform(0.2, 0.85))
    height = height / (height.diff(dim=0)[:, 1:].square() + height.diff(dim=1)[1:].square()).sqrt().mean()
    softness = uniform(0, 1) ** 3 * size / 4  # mostly hard
    return (height / max(softness, 1.0) + 0.5).clamp(0, 1)[None, None]


# ------------------------------------------------------------------------------------------------------- losses


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values (B, C, H, W) over channels and, weighted (B, 1, H, W), positions; (B,)."""
    return (values.mean(1, keepdim=True) * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3)).clamp_min(1e-6)


def content_loss(features: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the squared error of features (B, C, h, w) inside the mask, relative to their power there."""
    area = resize_mask(mask, target)
    error = masked_mean((features - target).square(), area)
    return (error / masked_mean(target.square(), area).clamp_min(1e-6)).mean()


def seam_loss(change: Tensor, mask: Tensor) -> Tensor:
    """Return the squared steps from pixel to pixel that a change (B, 3, H, W) makes where the mask makes one."""
    steps = [masked_mean(change.diff(dim=dim).square(), mask.diff(dim=dim).abs()) for dim in (2, 3)]
    return torch.stack(steps).mean()


def smoothness_loss(image: Tensor, mask: Tensor) -> Tensor:
    """Return the squared differences of neighbours, inside the mask, of pictures (B, 3, H, W)."""
    steps = [masked_mean(image.diff(dim=dim).square(), mask.narrow(dim, 1, mask.shape[dim] - 1)) for dim in (2, 3)]
    return torch.stack(steps).sum()
