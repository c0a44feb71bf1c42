"""Local style transfer: a residual network that takes the picture and a mask, and paints inside the mask."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style, Weights
from impasto.errors import suggestion
from impasto.functional.resizing import resize, size_of
from impasto.stage import painted_at_scale
from impasto.weights import find

from .network import LocalNetwork, cached_network, load_network
from .training import LocalTask, LocalTrainer, random_mask

__all__ = ["NETWORK", "STYLES", "Local", "LocalNetwork", "LocalTask", "LocalTrainer", "load_network", "random_mask"]

STYLES = ("chalk", "fauvism", "impasto", "pointillism", "wave")
"""The sample styles that the network that ships has learned."""
NETWORK = Weights(
    name="local-samples.safetensors",
    sha256="288a0fbef41fe28940e48832ef7b46169688ea3d1509b1e4ad60e86c9bf0f1f1",
    size=386_056,
    licence="MIT; trained by losses of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project, see its model card",
    expects=f"a network that paints inside a mask: {', '.join(STYLES)}",
    file="impasto_local/networks/local-samples.safetensors",
)


class Local(impasto.Stylizer, name="local"):
    """Paint inside the mask in a style the network has learned, seamlessly (after Sun and Liu 2020)."""

    bytes_per_pixel: ClassVar[int] = 530
    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    known_weights: ClassVar[tuple[Weights, ...]] = (NETWORK,)
    style = "ignored"

    paint: str = impasto.param(
        default="impasto", help=f"which style: {', '.join(STYLES)}; or one that the network of your own has learned"
    )
    network: str = impasto.param(
        reads=True, default="", help="the path of a network from `impasto train local`; empty: ours, of sample styles"
    )

    style_scale: float = impasto.param(
        default=1.0, low=0.25, high=4, help="length of the strokes, 1 as the network has learned them"
    )

    def check(self) -> None:
        """Refuse a style that the network does not know."""
        super().check()
        if not self.network and self.paint not in STYLES:
            raise ParameterError(
                f"{self.name}: paint = {self.paint!r} is no style that the network knows\n"
                f"  what would work: {', '.join(STYLES)}; or another network, from impasto train local"
                f"{suggestion(self.paint, STYLES)}"
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the network that ships, if it is used."""
        return () if self.network else (NETWORK,)

    def noise_strength(self) -> float:
        """Return the host's: flat areas then get strokes."""
        return 1.0

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture, painted inside the mask."""
        file = Path(self.network) if self.network else find(NETWORK)
        network = cached_network(file, content.device)
        if self.paint not in network.names:
            raise StageError(
                f"{self.name}: {os.fspath(file)} has not learned {self.paint!r}\n"
                f"  what would work: paint={network.names[0]!r}, one of {', '.join(network.names)}"
            )
        mask = (
            content.new_ones(1, 1, *content.shape[-2:]) if guides is None else guides.sum(1, keepdim=True).clamp(max=1)
        )
        shares = content.new_tensor([[float(name == self.paint) for name in network.names]])

        def paint(image: Tensor) -> Tensor:
            painted: Tensor = network(image, resize(mask, size_of(image)), shares)
            return painted

        return painted_at_scale(self, paint, content, self.style_scale)


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the painter inside masks."""
    return [Local]


@impasto.hookimpl
def impasto_trainers() -> list[type[LocalTrainer]]:
    """Offer its training."""
    return [LocalTrainer]
