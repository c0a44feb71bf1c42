"""Local style transfer: a residual network that takes a picture, a mask and any style, and paints inside the mask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

import impasto
from impasto import Style, Weights
from impasto.networks import SLIM19
from impasto.stage import covered_regions, painted_at_scale, remember, resized_style
from impasto.weights import find

from .network import MOMENT_LAYERS, LocalNetwork, cached_network, load_network, style_moments
from .training import LocalTask, LocalTrainer, random_mask

__all__ = ["NETWORK", "Local", "LocalNetwork", "LocalTask", "LocalTrainer", "load_network", "random_mask"]

STYLE_SIDE = 256
"""Pixels of a square whose area a style picture is shown at, as in training."""
NETWORK = Weights(
    name="local-any.safetensors",
    sha256="00ebbc7c01affe92044ff8b0101b2fce841e54ed04a0b93a3d9faaa9092d9e85",
    size=753_312,
    licence="MIT; trained by losses of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project, see its model card",
    expects="a network that paints any style inside a mask",
    file="impasto_local/networks/local-any.safetensors",
)


class Local(impasto.Stylizer, name="local"):
    """Paint inside the mask in any picture's style, in one pass, with soft borders (after Sun and Liu 2020)."""

    bytes_per_pixel: ClassVar[int] = 530
    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    smallest: ClassVar[int] = 8
    known_weights: ClassVar[tuple[Weights, ...]] = (SLIM19, NETWORK)

    style_scale: float = impasto.param(
        default=1.0, low=0.25, high=4, help="length of the strokes, 1 as the network has learned them"
    )
    network: str = impasto.param(
        reads=True, default="", help="the path of a network from `impasto train local`; empty: ours"
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of the network that tells styles apart, and of ours, if it is used."""
        return (SLIM19,) if self.network else (SLIM19, NETWORK)

    def noise_strength(self) -> float:
        """Return the host's: flat areas then get strokes."""
        return 1.0

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture, painted inside the mask."""
        network = cached_network(self.network or find(NETWORK), content.device)
        encoder = impasto.encoder("slim19", device=content.device)
        mask = (
            content.new_ones(1, 1, *content.shape[-2:]) if guides is None else guides.sum(1, keepdim=True).clamp(max=1)
        )

        def embedding(style: Style) -> Tensor:
            shown = resized_style(style, (STYLE_SIDE, STYLE_SIDE), multiple=16)
            moments = style_moments(shown.image, encoder.features(shown.image, list(MOMENT_LAYERS)), shown.guides)
            embedded: Tensor = network.embed(moments)
            return embedded

        (everywhere,) = covered_regions(None, styles)
        embeddings = [
            remember(style, ("local", self.network, content.device), partial(embedding, style)) for style in styles
        ]
        mixed = torch.stack([share * x for share, x in zip(everywhere.shares, embeddings, strict=True)]).sum(0)

        def paint(content_and_mask: Tensor) -> Tensor:
            image, area = torch.split(content_and_mask, [3, 1], dim=1)
            painted: Tensor = network(image, area, mixed)
            return painted

        together = torch.cat([content, mask.expand(len(content), -1, -1, -1)], dim=1)
        return painted_at_scale(self, paint, together, self.style_scale)


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the painter inside masks."""
    return [Local]


@impasto.hookimpl
def impasto_trainers() -> list[type[LocalTrainer]]:
    """Offer its training."""
    return [LocalTrainer]
