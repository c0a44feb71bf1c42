"""CycleGAN: pictures of one domain painted as those of another, learned from unpaired examples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

import impasto
from impasto import ParameterError, StageError, Style, Weights
from impasto.errors import suggestion
from impasto.stage import painted_at_scale
from impasto.weights import find

from .discriminators import ADVERSARIAL, Adversarial, PatchGAN, ProjectedDiscriminator
from .generators import DIRECTIONS, ResNetGenerator, UNetGenerator, cached_generators, load_generators
from .training import Cycle, CycleGANTrainer, ImagePool

__all__ = [
    "ADVERSARIAL",
    "PAIRS",
    "Adversarial",
    "Cycle",
    "CycleGAN",
    "CycleGANTrainer",
    "ImagePool",
    "PatchGAN",
    "ProjectedDiscriminator",
    "ResNetGenerator",
    "UNetGenerator",
    "cached_generators",
    "load_generators",
]


def _pair(name: str, painters: str, sha256: str, size: int) -> Weights:
    return Weights(
        name=f"cyclegan-{name}.safetensors",
        sha256=sha256,
        size=size,
        licence="MIT; trained by losses of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
        origin="trained by the Impasto project, see its model card",
        expects=f"two generators: photographs to paintings by {painters}, and back",
        file=f"impasto_cyclegan/networks/cyclegan-{name}.safetensors",
    )


PAIRS = {
    "impressionism": _pair(
        "impressionism",
        "Monet",
        "eeb251d0e8cd61aeddc510cf825efc6d25030ccf4382dc749e422fd206eba0d5",
        788_864,
    ),
    "post-impressionism": _pair(
        "post-impressionism",
        "Cézanne, Gauguin and van Gogh",
        "2112dfb099c2d5ad45b8d961c44b83ae18984f4d988ecb9392145640085ccd47",
        788_864,
    ),
}
"""The pairs that ship; a is photographs and b paintings."""


class CycleGAN(impasto.Stylizer, name="cyclegan"):
    """Paint a picture of one domain as one of another, such as a photograph as a painting (Zhu et al. 2017)."""

    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PAIRS.values())
    style = "ignored"

    network: str = impasto.param(
        default="impressionism",
        reads=True,
        names=tuple(PAIRS),
        help=f"generators: {', '.join(PAIRS)}, or the path of a checkpoint such as latest_net_G.pth",
    )
    direction: str = impasto.param(
        default="a-to-b",
        choices=DIRECTIONS,
        help="of a pair: to the second domain or back to the first; ours are photographs and paintings",
    )

    style_scale: float = impasto.param(
        default=1.0, low=0.25, high=4, help="length of the strokes, 1 as the generator has learned them"
    )

    def check(self) -> None:
        """Refuse a network that is neither a pair that ships nor a file."""
        super().check()
        looks_like_a_path = Path(self.network).suffix or os.path.dirname(self.network) or Path(self.network).is_file()
        if self.network not in PAIRS and not looks_like_a_path:
            raise ParameterError(
                f"{self.name}: network = {self.network!r} is no pair that ships, and no file\n"
                f"  what would work: {', '.join(PAIRS)}, or the path of a checkpoint"
                f"{suggestion(self.network, PAIRS)}"
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the pair, if it ships."""
        return (PAIRS[self.network],) if self.network in PAIRS else ()

    def generator_network(self, device: torch.device) -> nn.Module:
        """Return the generator of `direction` on a device."""
        file = find(PAIRS[self.network]) if self.network in PAIRS else Path(self.network)
        pair = cached_generators(file, device)
        if "" in pair:
            if self.direction != DIRECTIONS[0]:
                raise StageError(
                    f"{self.name}: {file} holds one generator, which has no way back\n"
                    "  what would work: the file of the other direction (latest_net_G_B.pth beside latest_net_G_A.pth)"
                )
            return pair[""]
        if self.direction not in pair:
            raise StageError(
                f"{self.name}: {file} holds {', '.join(pair)}, and nothing for {self.direction}\n"
                f"  what to type: CycleGAN(network={self.network!r}, direction={next(iter(pair))!r})"
            )
        return pair[self.direction]

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture that the generator paints."""
        return painted_at_scale(self, self.generator_network(content.device), content, self.style_scale)


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer CycleGAN."""
    return [CycleGAN]


@impasto.hookimpl
def impasto_trainers() -> list[type[CycleGANTrainer]]:
    """Offer the training of generators."""
    return [CycleGANTrainer]
