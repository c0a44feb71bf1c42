"""AdaIN: one pass through an encoder and a decoder, with the style's statistics in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import lcm
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

import impasto
from impasto import Encoder, Preset, Style, Weights
from impasto.errors import quoted
from impasto.functional import statistics
from impasto.networks import (
    SLIM19,
    Decoder,
    FeatureTransform,
    check_pair,
    encoder_for_checkpoint,
    largest_stride,
    load_decoders,
    records,
    require_decoder,
    style_summaries,
    stylize_features,
)
from impasto.stage import resized_styles
from impasto.weights import Loader, find

from .distribution import Values, rank_map
from .microast import MicroAST, load_microast
from .training import AdaINDecoder, Stylization
from .transfer import LAYER, adain, mean_std_map, monge_map

__all__ = [
    "DECODER",
    "AdaIN",
    "AdaINDecoder",
    "MicroAST",
    "Stylization",
    "Values",
    "adain",
    "load_microast",
    "mean_std_map",
    "monge_map",
    "rank_map",
]

DECODER = Weights(
    name="adain-slim19.safetensors",
    sha256="296760238d8e573360f5958cb87ecae14b7b2e6a7b311a795e23307958b19e5b",
    size=152_646,
    licence="MIT; trained by losses of slim19-half, distilled from VGG-19, whose weights are CC BY 4.0",
    origin="trained by the Impasto project, see its model card",
    expects="a decoder for relu4_1 of slim19",
    file="impasto_adain/networks/adain-slim19.safetensors",
)

FEATURE_TRANSFORMS: dict[str, FeatureTransform[Any]] = {
    "mean-std": FeatureTransform(statistics.variance_moments, mean_std_map),
    "covariance": FeatureTransform(statistics.covariance_moments, monge_map),
    "exact": FeatureTransform(Values.of, rank_map),
}


class AdaIN(impasto.Stylizer, name="adain"):
    """Give the content's features the style's moments, and decode them (Huang and Belongie 2017).

    Where the paper takes means and deviations, covariances are the default: they bring the style's palette, which
    deviations leave to the content.  `statistic="mean-std"` is the paper's.
    """

    presets: ClassVar[Mapping[str, Preset]] = {
        "as-published": Preset("means and deviations alone; the content's palette shows through", statistic="mean-std"),
    }
    multiple: ClassVar[int] = 8
    reflection_padding: ClassVar[int] = 24
    stroke: ClassVar[int] = 10
    regional: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = (SLIM19, DECODER)

    alpha: float = impasto.param(default=1.0, low=0, high=2, help="how far towards the style; 0 only decodes")
    statistic: str = impasto.param(
        default="covariance",
        choices=tuple(FEATURE_TRANSFORMS),
        help="what of the style's features is taken: covariances, and the palette with them; means and"
        " deviations, as published; exact: every value of each channel",
    )
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    encoder: str = impasto.param(reads=True, default="slim19", help="encoder: a name, or the path of a checkpoint")
    decoder: str = impasto.param(
        reads=True,
        folders=True,
        default="",
        help="decoder: a name, or the path of a checkpoint, for that encoder; empty: ours for slim19",
    )

    def check(self) -> None:
        """Refuse an encoder without its decoder."""
        super().check()
        require_decoder(
            self.name,
            self.encoder,
            self.decoder,
            example=f"AdaIN(encoder={quoted(self.encoder)}, decoder='decoder.pth')",
            training="impasto train adain-decoder --encoder … --images … --styles …",
        )

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of the networks that are known by name."""
        return (*records(self.encoder), *(records(self.decoder) if self.decoder else (DECODER,)))

    def networks(self, like: Tensor) -> tuple[Encoder, Decoder]:
        """Return encoder and decoder on a tensor's device."""
        encoder = encoder_for_checkpoint(self.encoder, like.device)
        which = self.decoder or find(DECODER)
        layer = None if which in impasto.get_host().decoders else LAYER  # by name of another network's, any layer
        decoder = impasto.decoder(which, layer=layer, device=like.device)
        check_pair(f"{self.name}: the decoder {which}", decoder, encoder)
        return encoder, decoder

    def at_strength(self, strength: float) -> Self:
        """Return the stage with its alpha at a share: features are mixed instead of pictures."""
        return replace(self, alpha=self.alpha * strength, strength=1.0)

    def noise_strength(self) -> float:
        """Return as much as there is of the style: flat areas then get strokes."""
        return min(1.0, self.alpha)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture decoded from features with the style's statistics."""
        encoder, decoder = networks = self.networks(content)
        transform = FEATURE_TRANSFORMS[self.statistic]
        height, width = content.shape[-2:]
        multiple = lcm(self.multiple, largest_stride(encoder, decoder.layers))
        fill = (0, -width % multiple, 0, -height % multiple)
        if any(fill):  # by an encoder that is no VGG, whose layer is coarser than the sides were filled up for
            content = F.pad(content, fill, mode="replicate")
            guides = None if guides is None else F.pad(guides, fill, mode="replicate")
        resized = resized_styles(styles, content, self.style_scale, multiple, self.reflection_padding)
        summaries = style_summaries(resized, encoder, decoder.layers, transform.summary)
        painted = stylize_features(content, guides, resized, summaries, networks, transform, self.alpha)
        return painted[..., :height, :width]


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer AdaIN and MicroAST."""
    return [AdaIN, MicroAST]


@impasto.hookimpl
def impasto_decoders() -> dict[str, Callable[[], nn.Module]]:
    """Offer the decoder, for every method that changes features of slim19."""
    return {"adain-slim19": Loader(load_decoder, (DECODER,))}


def load_decoder() -> nn.Module:
    """Return the decoder that ships, for relu4_1 and relu3_1 of slim19."""
    return load_decoders(find(DECODER))[LAYER]


@impasto.hookimpl
def impasto_trainers() -> list[type[AdaINDecoder]]:
    """Offer the training of the decoder."""
    return [AdaINDecoder]
