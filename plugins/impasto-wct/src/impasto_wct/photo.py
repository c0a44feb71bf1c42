"""Photographs in the manner of photographs: WCT in one pass, with what pooling drops handed on to the decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from torch import Tensor
from typing_extensions import Self

import impasto
from impasto import ParameterError, Style, Weights
from impasto.errors import quoted
from impasto.networks import PRETRAINED, Decoder, VGGEncoder, check_pair, records, require_decoder, require_vgg
from impasto.stage import remember, resized_styles
from impasto.weights import find

from .encoders import level_encoder
from .regions import transform_by_region
from .transfer import TRANSFORMS, weighted_wct
from .wavelets import LAYER, Hook, check_details, features_and_details, unchanged, wavelet_features

PHOTO_DECODER = Weights(
    name="wct-photo-slim19.safetensors",
    sha256="f6fcd6f0ca621e7ebb7ddb9102bb7b518a101c651535c16b0f81c3902d9c94ac",
    size=451_734,
    licence="MIT",
    origin="trained by the Impasto project, see its model card",
    expects="a decoder for relu4_1 of slim19 with wavelet pooling, and the details of three blocks",
    file="impasto_wct/networks/wct-photo-slim19.safetensors",
)


class WCTPhoto(impasto.Stylizer, name="wct-photo"):
    """Give a photograph the colours and light of another, every line in its place (Yoo et al. 2019)."""

    bytes_per_pixel: ClassVar[int] = 630
    multiple: ClassVar[int] = 8
    regional: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = (*PRETRAINED.values(), PHOTO_DECODER)

    alpha: float = impasto.param(default=1.0, low=0, high=1, help="how far towards the style; 0 changes nothing")
    levels: tuple[int, ...] = impasto.param(
        default=(1, 2, 3, 4), low=1, high=4, help="at which layers, in one pass shallow to deep: 4 is relu4_1"
    )
    transform: str = impasto.param(
        default="zca", choices=tuple(TRANSFORMS), help="which linear map between covariances; transport moves least"
    )
    identity: str = impasto.param(
        default="both",
        choices=("none", "content", "both"),
        help="covariances that the identity is added to; without it faint noise becomes coloured grain",
    )
    encoder: str = impasto.param(
        reads=True, folders=True, default="slim19", help="encoder of VGG-19's plan: a name, or the path of a checkpoint"
    )
    decoder: str = impasto.param(
        reads=True,
        folders=True,
        default="",
        help="decoder that wct-photo-decoder trained: a name or a path; empty: ours for slim19",
    )

    def check(self) -> None:
        """Refuse no level at all, and an encoder without its decoder."""
        super().check()
        if not self.levels:
            raise ParameterError(f"{self.name}: levels = () changes nothing\n  what would work: levels=(1, 2, 3, 4)")
        require_decoder(
            self.name,
            self.encoder,
            self.decoder,
            example=f"WCTPhoto(encoder={quoted(self.encoder)}, decoder='decoder.safetensors')",
            training="impasto train wct-photo-decoder --encoder … --images …",
        )

    def weights(self) -> tuple[Weights, ...]:
        """Return the records of the networks that are known by name."""
        return (*records(self.encoder), *(records(self.decoder) if self.decoder else (PHOTO_DECODER,)))

    def networks(self, like: Tensor) -> tuple[VGGEncoder, Decoder]:
        """Return the encoder and the decoder on a tensor's device."""
        encoder = require_vgg(self.name, level_encoder(self.encoder, 4, like.device))
        which = self.decoder or find(PHOTO_DECODER)
        decoder = impasto.decoder(which, layer=LAYER, device=like.device)
        check_details(f"{self.name}: {which}", decoder)
        check_pair(f"{self.name}: the decoder {which}", decoder, encoder)
        return encoder, decoder

    def at_strength(self, strength: float) -> Self:
        """Return the stage with its alpha at a share: features are mixed instead of pictures."""
        return replace(self, alpha=self.alpha * strength, strength=1.0)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the content, changed by the change of what the decoder paints."""
        encoder, decoder = self.networks(content)
        layers = tuple(f"relu{level}_1" for level in self.levels)
        resized = resized_styles(styles, content, multiple=self.multiple)
        style_features = [
            remember(style, ("features", encoder, layers), partial(wavelet_features, encoder, style.image, layers))
            for style in resized
        ]
        transform = partial(weighted_wct, transform=self.transform, identity=self.identity)

        def stylized(layer: str, features: Tensor) -> Tensor:
            if layer not in layers:
                return features
            x = features.float()
            own = [by_layer[layer] for by_layer in style_features]
            return x.lerp(transform_by_region(x, guides, resized, own, transform), self.alpha)

        hooks: Sequence[Hook] = (stylized, unchanged)
        painted, plain = (decoder(features_and_details(encoder, content, hook)).float().clamp(0, 1) for hook in hooks)
        # What the decoder loses of the content is given back.
        restored: Tensor = painted + (content - plain)
        return restored.clamp(0, 1)
