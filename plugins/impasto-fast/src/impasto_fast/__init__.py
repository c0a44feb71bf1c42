"""Fast networks: pictures painted in one pass, in styles that a network has learned beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style, Weights
from impasto.errors import suggestion
from impasto.stage import painted_at_scale
from impasto.weights import find

from .checkpoints import LAYOUTS, cached_network, load_network, tensors
from .network import Network
from .training import FastTrainer, Painting

__all__ = ["FAST", "LAYOUTS", "Fast", "FastTrainer", "Network", "Painting", "load_network", "tensors"]

FAST = Weights(
    name="fast.safetensors",
    sha256="0d3acbb27dc093ea97fc62b098fae4f06c1675555c56f72c700bb611e02f361a",
    size=897_886,
    licence="MIT; trained by losses of slim19, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project, see its model card",
    expects="a network that paints in eight of impasto's sample styles",
    file="impasto_fast/networks/fast.safetensors",
)


class Fast(impasto.Stylizer, name="fast"):
    """Paint in one pass, in a style or a blend of styles that a network has learned (Johnson et al. 2016)."""

    multiple: ClassVar[int] = 4
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    known_weights: ClassVar[tuple[Weights, ...]] = (FAST,)
    style = "ignored"
    demo: ClassVar[Mapping[str, object]] = {"styles": ("impasto",)}

    network: str = impasto.param(
        reads=True, default="", help="the path of a checkpoint; empty: ours, which knows eight of the sample styles"
    )
    styles: tuple[str, ...] = impasto.param(
        default=(), help="which of the network's styles; several are blended; empty: its first"
    )
    shares: tuple[float, ...] = impasto.param(
        default=(), low=0, high=1e6, help="how much each of them counts; empty: all the same"
    )

    style_scale: float = impasto.param(
        default=1.0, low=0.25, high=4, help="length of the strokes, 1 as the network has learned them"
    )

    def check(self) -> None:
        """Refuse shares that do not fit the styles."""
        super().check()
        if self.shares and len(self.shares) != len(self.styles):
            raise ParameterError(
                f"{self.name}: {len(self.shares)} shares for {len(self.styles)} styles\n"
                "  what to type: Fast(styles=('wave', 'mosaic'), shares=(0.7, 0.3))"
            )
        if self.shares and not sum(self.shares):
            raise ParameterError(f"{self.name}: shares = {self.shares} sum to 0, and leave no style to paint in")

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of our network, where it is used."""
        return () if self.network else (FAST,)

    def noise_strength(self) -> float:
        """Return the host's: flat areas then get strokes."""
        return 1.0

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture that the network paints."""
        network = cached_network(self.network or find(FAST), content.device)
        shares = self._style_shares(network).to(content.device)
        return painted_at_scale(self, lambda image: network(image, shares), content, self.style_scale)

    def _style_shares(self, network: Network) -> Tensor:
        """Return (1, S): how much each of a network's styles counts; they sum to 1."""
        shares = torch.zeros(1, len(network.styles), dtype=torch.float32, device="cpu")
        if not self.styles:
            shares[:, 0] = 1
            return shares
        for style, share in zip(self.styles, self.shares or [1.0] * len(self.styles), strict=True):
            if style not in network.styles:
                names = f"styles=({', '.join(map(repr, network.styles))})" if any(network.styles) else "styles=()"
                raise StageError(
                    f"{self.name}: {self.network or 'our network'} has not learned the style {style!r}\n"
                    f"  what would work: {names}{suggestion(style, network.styles)}"
                )
            shares[0, network.styles.index(style)] += share
        return shares / shares.sum()


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer fast networks."""
    return [Fast]


@impasto.hookimpl
def impasto_trainers() -> list[type[FastTrainer]]:
    """Offer their training."""
    return [FastTrainer]
