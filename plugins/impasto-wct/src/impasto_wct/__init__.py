"""Universal style transfer: whitening and colouring, and style swap, with decoders that know no style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

import impasto
from impasto import Encoder, ParameterError, Preset, StageError, Style, Weights
from impasto.errors import quoted
from impasto.functional import Moments, statistics
from impasto.networks import (
    FIRST_LAYERS,
    PRETRAINED,
    Decoder,
    FeatureTransform,
    RegionSummaries,
    affine_map,
    check_pair,
    load_decoders,
    records,
    require_decoder,
    style_layers,
    style_summaries,
    stylize_features,
)
from impasto.stage import remember, resized_styles
from impasto.training import Trainer
from impasto.weights import Loader, find

from .encoders import level_encoder
from .photo import PHOTO_DECODER, WCTPhoto
from .photo_training import WCTPhotoDecoder
from .regions import StyleFeatures, transform_by_region
from .training import Reconstruction, WCTDecoders
from .transfer import TRANSFORMS, swap, wct, weighted_wct
from .wavelets import LAYER

__all__ = [
    "DECODERS",
    "PHOTO_DECODER",
    "WCT",
    "Reconstruction",
    "StyleSwap",
    "WCTDecoders",
    "WCTPhoto",
    "WCTPhotoDecoder",
    "swap",
    "wct",
    "weighted_wct",
]

DECODERS = Weights(
    name="wct-slim19.safetensors",
    sha256="f60558781298472efea85e1f908b292d03b63a9d75c3e3695c726929a00bd8b1",
    size=2_150_526,
    licence="MIT",
    origin="trained by the Impasto project, see its model card",
    expects="decoders for relu1_1 to relu5_1 of slim19",
    file="impasto_wct/networks/wct-slim19.safetensors",
)


class AutoencoderStylizer(impasto.Stylizer):
    """Transform the features of a picture at one or several layers of an encoder, and decode them."""

    multiple: ClassVar[int] = 16
    reflection_padding: ClassVar[int] = 32
    stroke: ClassVar[int] = 10
    regional: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = (*PRETRAINED.values(), DECODERS)

    alpha: float = impasto.param(default=1.0, low=0, high=2, help="how far towards the style; 0 only decodes")
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    encoder: str = impasto.param(
        reads=True,
        folders=True,
        default="slim19",
        help="encoder: a name, the path of a checkpoint, or a folder of them by level",
    )
    decoders: str = impasto.param(
        reads=True,
        folders=True,
        default="",
        help="decoders for that encoder: wct-slim19 for those by the names wct-slim19-LAYER, or a checkpoint or folder;"
        " empty: ours for slim19",
    )

    def check(self) -> None:
        """Refuse an encoder without its decoders."""
        super().check()
        require_decoder(
            self.name,
            self.encoder,
            self.decoders,
            example=f"{type(self).__name__}(encoder={quoted(self.encoder)}, decoders='folder')",
            training="impasto train wct-decoders --encoder … --images … --styles …",
        )

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of the networks that are known by name."""
        return (*records(self.encoder), *(records(self.decoders) if self.decoders else (DECODERS,)))

    def networks(self, level: int, like: Tensor) -> tuple[Encoder, Decoder]:
        """Return the encoder and the decoder of a level on a tensor's device."""
        encoder = level_encoder(self.encoder, level, like.device)
        layers = style_layers(encoder)
        if level > len(layers):
            raise StageError(
                f"{self.name}: level {level} is the layer number {level} of those where style is measured,"
                f" and the encoder {encoder.name} has {len(layers)}\n"
                f"  it has: {', '.join(layers)}\n  what would work: levels down to {len(layers)}, or another encoder"
            )
        layer = layers[level - 1]
        which = self.decoders or find(DECODERS)
        decoder = impasto.decoder(which, layer=layer, device=like.device)
        check_pair(f"{self.name}: the decoder for {layer} in {which}", decoder, encoder)
        return encoder, decoder


class WCT(AutoencoderStylizer, name="wct"):
    """Give the content's features the style's covariance, layer after layer, deep to shallow (Li et al. 2017)."""

    presets: ClassVar[Mapping[str, Preset]] = {
        "gentle": Preset("keeps faces, and fewer dark patches appear", alpha=0.6),
        "as-published": Preset("all five levels at 0.6: wild", levels=(5, 4, 3, 2, 1), alpha=0.6),
    }

    levels: tuple[int, ...] = impasto.param(
        default=(4, 3, 2, 1),
        low=1,
        high=5,
        help="which layers, in order: 4 is relu4_1; 5 first is as published, and wild",
    )
    strengths: tuple[float, ...] = impasto.param(
        default=(), low=0, high=1, help="alpha of each level, times alpha; empty is 1 for all; 0 leaves a level out"
    )
    transform: str = impasto.param(
        default="zca", choices=tuple(TRANSFORMS), help="which linear map between covariances; transport moves least"
    )
    identity: str = impasto.param(
        default="none",
        choices=("none", "content", "both"),
        help="covariances that the identity is added to, which tames weak directions",
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if not self.levels or (self.strengths and len(self.strengths) != len(self.levels)):
            raise ParameterError(
                f"{self.name}: levels = {self.levels!r} and strengths = {self.strengths!r} do not go together\n"
                "  what would work: as many strengths as levels; or strengths=() for 1 everywhere"
            )

    def at_strength(self, strength: float) -> Self:
        """Return the stage with its alpha at a share: features are mixed instead of pictures."""
        return replace(self, alpha=self.alpha * strength, strength=1.0)

    def noise_strength(self) -> float:
        """Return as much as there is of the style: flat areas then get strokes."""
        return min(1.0, self.alpha)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture after every level."""
        strengths = self.strengths or (1.0,) * len(self.levels)
        steps = [(level, strength) for level, strength in zip(self.levels, strengths, strict=True) if strength]
        networks = {level: self.networks(level, content) for level, _ in steps}
        resized = resized_styles(styles, content, self.style_scale, self.multiple, self.reflection_padding)
        summaries: dict[Encoder, list[RegionSummaries[Moments]]] = {}
        transform = FeatureTransform(statistics.covariance_moments, partial(affine_map, transform=self.covariance_map))
        for encoder in dict.fromkeys(encoder for encoder, _ in networks.values()):
            layers = dict.fromkeys(
                layer for own, decoder in networks.values() if own is encoder for layer in decoder.layers
            )
            summaries[encoder] = style_summaries(resized, encoder, tuple(layers), transform.summary)
        image = content
        for level, strength in steps:
            encoder, _ = networks[level]
            image = stylize_features(
                image, guides, resized, summaries[encoder], networks[level], transform, self.alpha * strength
            ).clamp_(0, 1)
        return image

    def covariance_map(self, content: Tensor, style: Tensor) -> Tensor:
        """Return the matrix (B, C, C) of the linear map between two covariances (B, C, C)."""
        eye = torch.eye(content.shape[-1], device=content.device, dtype=torch.float32)
        content = content if self.identity == "none" else content + eye
        return TRANSFORMS[self.transform](content, style + eye if self.identity == "both" else style)


class StyleSwap(AutoencoderStylizer, name="style-swap"):
    """Rebuild the content's features from the style's patches, and decode them (Chen and Schmidt 2016)."""

    level: int = impasto.param(
        default=3, low=1, high=5, help="which layer: 3 is relu3_1; deeper ones take larger pieces of the style"
    )
    patch: int = impasto.param(default=3, low=1, high=9, odd=True, help="side of the patches in positions of the layer")

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the picture decoded from features that were rebuilt of the styles' patches."""

        def swapped(features: Tensor, mask: Tensor | None, own: Sequence[StyleFeatures]) -> Tensor:
            generator = self.generator(features.device)
            rebuilt = [style.share * swap(features, style.features, style.mask, self.patch, generator) for style in own]
            return torch.stack(rebuilt).sum(0)

        encoder, decoder = self.networks(self.level, content)
        layer = decoder.layers[0]
        if len(decoder.layers) > 1:
            raise StageError(
                f"{self.name}: the decoder for {layer} in {self.decoders} takes {', '.join(decoder.layers)}\n"
                f"  what would work: one that takes {layer} alone, as those of wct do"
            )
        resized = resized_styles(styles, content, self.style_scale, self.multiple, self.reflection_padding)
        style_features = [
            remember(style, ("features", encoder, layer), partial(encoder.features, style.image, (layer,)))[layer]
            for style in resized
        ]
        features = encoder.features(content, (layer,))[layer].float()
        rebuilt = transform_by_region(features, guides, resized, style_features, swapped)
        return decoder({layer: features.lerp(rebuilt, self.alpha)})


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer WCT, for paintings and for photographs, and style swap."""
    return [WCT, WCTPhoto, StyleSwap]


@impasto.hookimpl
def impasto_decoders() -> dict[str, Callable[[], nn.Module]]:
    """Offer the decoders, for every method that changes features of slim19."""
    return {
        **{f"wct-slim19-{layer}": decoder_loader(DECODERS, layer) for layer in FIRST_LAYERS},
        "wct-photo-slim19": decoder_loader(PHOTO_DECODER, LAYER),
    }


def decoder_loader(record: Weights, layer: str) -> Loader[nn.Module]:
    """Return what loads the decoder for a layer from a file that ships."""
    return Loader(partial(load_decoder, record, layer), (record,))


def load_decoder(record: Weights, layer: str) -> nn.Module:
    """Return the decoder for a layer from a file that ships."""
    return load_decoders(find(record))[layer]


@impasto.hookimpl
def impasto_trainers() -> list[type[Trainer]]:
    """Offer the trainings of the decoders."""
    return [WCTDecoders, WCTPhotoDecoder]
