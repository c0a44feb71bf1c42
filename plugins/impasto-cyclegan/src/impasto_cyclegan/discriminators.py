"""Discriminators, which tell pictures of a domain from painted ones, and the adversarial losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .generators import InstanceNorm, initialise

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Whose features the projected discriminator sees."""


class PatchGAN(nn.Module):
    """Tell real from painted patch by patch; with 3 halvings a patch has 70 pixels (Isola et al. 2017).

    Args:
        width: channels after the first halving; eight times as many at the end.
        halvings: how often it halves the sides.

    Example:
        >>> import torch
        >>> [tuple(map.shape) for map in PatchGAN(8)(torch.rand(1, 3, 128, 128))]
        [(1, 1, 14, 14)]
    """

    def __init__(self, width: int = 64, halvings: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for level in range(1, halvings + 1):
            stride = 2 if level < halvings else 1
            outer, inner = (min(2**n, 8) * width for n in (level - 1, level))
            layers += [nn.Conv2d(outer, inner, 4, stride=stride, padding=1), InstanceNorm(), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(inner, 1, 4, padding=1))
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return one map (B, 1, h, w) of how real the patches of pictures (B, 3, H, W) in [0, 1] look."""
        return [self.model(2 * image - 1)]


class ProjectedDiscriminator(nn.Module):
    """Tell real from painted by a frozen encoder's features, at several depths (Sauer et al. 2021).

    It begins with the encoder's knowledge of pictures and has only small heads to learn.  Channels of a layer
    are mixed by a fixed random matrix, so that no head can rest on the few that tell most.

    Args:
        channels: of the encoder's features, by layer.
        width: channels of the heads.

    Example:
        >>> import torch
        >>> discriminator = ProjectedDiscriminator({"relu2_1": 32})
        >>> [tuple(map.shape) for map in discriminator({"relu2_1": torch.rand(1, 32, 64, 64)})]
        [(1, 1, 32, 32)]
    """

    def __init__(self, channels: Mapping[str, int], width: int = 64) -> None:
        super().__init__()
        self.layers = tuple(channels)
        for layer, count in channels.items():
            mixing = torch.randn(width, count, 1, 1, dtype=torch.float32, device="cpu") / count**0.5
            self.register_buffer(f"mixing_{layer}", mixing)
            last = nn.Conv2d(width, 1, 1)
            head = nn.Sequential(
                nn.Conv2d(width, width, 4, stride=2, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(0.2),
                last,
            )
            for convolution in head:
                if isinstance(convolution, nn.Conv2d):
                    nn.init.kaiming_normal_(convolution.weight, a=0.2)
            nn.init.zeros_(last.weight)
            self.add_module(f"head_{layer}", head)

    def forward(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """Return one map (B, 1, h, w) for each layer of features (B, C, h', w')."""
        maps = []
        for layer in self.layers:
            mixed = F.conv2d(features[layer], self.get_buffer(f"mixing_{layer}"))
            maps.append(self.get_submodule(f"head_{layer}")(mixed))
        return maps


# ------------------------------------------------------------------------------------------------------- losses


@dataclass(frozen=True)
class Adversarial:
    """An adversarial loss: how far a discriminator's map is from what it, or the generator, is trained for."""

    real: Callable[[Tensor], Tensor]
    """Of the discriminator, on pictures of the domain."""
    fake: Callable[[Tensor], Tensor]
    """Of the discriminator, on painted ones."""
    fool: Callable[[Tensor], Tensor]
    """Of the generator, on those it painted."""

    def discriminator(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Return the discriminator's loss, half of both kinds of pictures, the mean over its maps."""
        pairs = zip(real, fake, strict=True)
        return torch.stack([self.real(x.float()).mean() + self.fake(y.float()).mean() for x, y in pairs]).mean() / 2

    def generator(self, fake: Sequence[Tensor]) -> Tensor:
        """Return the generator's loss, the mean over the maps."""
        return torch.stack([self.fool(x.float()).mean() for x in fake]).mean()


ADVERSARIAL = {
    # Mao et al. 2017, as in the paper.
    "lsgan": Adversarial(lambda x: (x - 1).square(), torch.square, lambda x: (x - 1).square()),
    # Goodfellow et al. 2014, with the generator's loss that does not vanish; as in DiscoGAN.
    "vanilla": Adversarial(lambda x: F.softplus(-x), F.softplus, lambda x: F.softplus(-x)),
    # Lim and Ye 2017, as in projected GANs.
    "hinge": Adversarial(lambda x: F.relu(1 - x), lambda x: F.relu(1 + x), torch.neg),
    # Arjovsky et al. 2017, as in DualGAN; the discriminator's weights are kept small.
    "wasserstein": Adversarial(torch.neg, lambda x: x, torch.neg),
}
