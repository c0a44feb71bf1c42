"""The training of the network, by the losses that `gatys` lowers step by step."""

import torch

import impasto
from impasto.functional import content_loss, seeded_layers, total_variation
from impasto.functional.losses import CONTENT_LAYER, STYLE_LAYERS, StyleGoal
from impasto.networks import perceptual_features
from impasto.training import Crops, Task, Trainer, pictures, preview_grid, save_half

from .network import Network


class OneStyleTrainer(Trainer, name="one-style"):
    """Train a small network to paint in the style of one picture."""

    steps = 200
    average = 0.95

    images: str = impasto.param(reads=True, help="folder of photographs")
    style: str = impasto.param(reads=True, help="the picture whose style is learned")
    statistic: str = impasto.param(
        default="wasserstein2", choices=lambda: impasto.get_host().statistics, help="what of the style is imitated"
    )
    content_weight: float = impasto.param(default=0.1, low=0, high=1e3, help="how much the content is kept")
    width: int = impasto.param(default=24, low=1, high=1024, help="channels of the network")
    size: int = impasto.param(default=96, low=64, high=4096, multiple=4, help="side of the crops in pixels")

    def task(self, device, seed=0):
        return OneStyleTask(self, device, seed)


class OneStyleTask(Task):
    """What is trained: the network, on crops of photographs, two a step."""

    def __init__(self, trainer, device, seed):
        self.trainer, self.device = trainer, device
        self.encoder = impasto.encoder("slim19", device=device)
        self.photographs = Crops(pictures(trainer.images), trainer.size)
        statistic = impasto.get_host().statistic(trainer.statistic)
        style = impasto.read(trainer.style).visible.to(device)
        with torch.no_grad():
            self.goal = StyleGoal(self.features(style), statistic)
        self.shown = self.photographs.draw(2, torch.Generator().manual_seed(seed)).to(device)
        with seeded_layers(seed):
            network = Network(trainer.width).to(device)
        self.networks = {"network": network}
        self.optimisers = {"network": torch.optim.Adam(network.parameters(), lr=3e-3)}

    def features(self, image):
        return perceptual_features(self.encoder, image, list(STYLE_LAYERS))

    def batch(self, rng):
        return self.photographs.draw(2, rng)

    def losses(self, networks, batch, rng):
        image = batch.to(self.device)
        painted = networks["network"](image)
        with torch.no_grad():
            target = self.features(image)[CONTENT_LAYER]
        found = self.features(painted)
        each = [{layer: x[place : place + 1] for layer, x in found.items()} for place in range(len(image))]
        yield (
            "network",
            {
                "style": torch.stack([self.goal.distance(one) for one in each]).mean(),
                "content": self.trainer.content_weight * content_loss(found[CONTENT_LAYER], target),
                "smoothness": total_variation(painted),
            },
        )

    @torch.no_grad()
    def preview(self, networks):
        return preview_grid(zip(self.shown, networks["network"](self.shown), strict=True))

    def export(self, networks, folder):
        return [save_half(folder / "one-style.safetensors", networks["network"].state_dict())]
