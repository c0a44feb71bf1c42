"""What is minimised at one size: the angles to the vectors that were taken, and the distance to strokes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Encoder, Style
from impasto.functional.losses import total_variation
from impasto.functional.resizing import size_of

from .hypercolumns import TINY, hypercolumns, layer_lengths
from .matching import Match, Matcher, Source, subgrid

MOST = 48
"""Positions along a side of the grids that strokes are compared on, drawn anew at each step."""
FLAT = 1e-2
"""Share of a layer's power below which a style counts as flat there."""


class Copies(NamedTuple):
    """A style and its rotated copies, as an encoder sees them."""

    features: list[dict[str, Tensor]]
    """Of each copy (1, C, h, w) by layer, float32."""
    guides: list[Tensor]
    """(1, K, H, W), the regions of each copy."""

    def hypercolumns(self, lengths: Mapping[str, Tensor], grid: str) -> list[Source]:
        """Return the hypercolumns of each copy at the positions of the layer `grid`."""
        return [
            source_at(hypercolumns(maps, lengths, size_of(maps[grid])), guides)
            for maps, guides in zip(self.features, self.guides, strict=True)
        ]

    def layer(self, layer: str) -> list[Source]:
        """Return the vectors of one layer."""
        return [source_at(maps[layer], guides) for maps, guides in zip(self.features, self.guides, strict=True)]


def source_at(maps: Tensor, guides: Tensor) -> Source:
    """Return vectors (1, C, h, w) with regions (1, K, H, W) averaged to their size."""
    return Source(maps, F.adaptive_avg_pool2d(guides, size_of(maps)))


def features_of(encoder: Encoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of a picture by layer, shallow to deep, in float32."""
    features = encoder.features(image, layers)
    return {layer: features[layer].float() for layer in layers}


def rotated_copies(encoder: Encoder, style: Style, layers: Sequence[str], rotations: int) -> Copies:
    """Return a style with guides and so many copies of it, each a quarter turn on."""
    assert style.guides is not None
    turns = range(rotations + 1)
    images = [torch.rot90(style.image, turn, (2, 3)).contiguous() for turn in turns]
    guides = [torch.rot90(style.guides, turn, (2, 3)) for turn in turns]
    return Copies([features_of(encoder, image, layers) for image in images], guides)


class Objective:
    """The losses of a picture (1, 3, H, W) by name.

    Args:
        encoder: of the features.
        layers: shallow to deep.
        grid: the layer at whose positions hypercolumns stand.
        copies: of each style.
        guides: (1, K, H, W), the regions of the picture.
        matcher: which vector each position takes.
        content: (1, 3, H, W).
        start: (1, 3, H, W), the picture that this size begins with; None: the content.
        alpha: share of the content in what is matched; the rest is the start's.
        strokes: weight of the distance of single layers to their own nearest vectors, matched anew at each step.
        smoothness: weight of the squared differences of neighbours.
        generator: what the strokes' positions are drawn from.
    """

    def __init__(
        self,
        encoder: Encoder,
        layers: Sequence[str],
        grid: str,
        copies: Sequence[Copies],
        guides: Tensor,
        matcher: Matcher,
        content: Tensor,
        start: Tensor | None,
        *,
        alpha: float,
        strokes: float,
        smoothness: float,
        generator: torch.Generator | None,
    ) -> None:
        self.encoder, self.layers, self.grid = encoder, layers, grid
        self.guides, self.strokes, self.smoothness, self.generator = guides, strokes, smoothness, generator
        self.alone = Matcher(matcher.shares, matcher.guide_weight, 0.0)
        self.lengths = layer_lengths([maps for style in copies for maps in style.features])
        query = self.columns(features_of(encoder, content, layers))
        if start is not None and alpha < 1:
            query = query.lerp(self.columns(features_of(encoder, start, layers)), 1 - alpha)
        sources = [style.hypercolumns(self.lengths, grid) for style in copies]
        regions = F.adaptive_avg_pool2d(guides, size_of(query))
        self.target: Match = matcher(query, regions, sources, generator)
        self.sources = {layer: [style.layer(layer) for style in copies] for layer in layers} if strokes else {}

    def columns(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the hypercolumns of a picture."""
        return hypercolumns(features, self.lengths, size_of(features[self.grid]))

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the losses."""
        features = features_of(self.encoder, image, self.layers)
        with torch.autocast(image.device.type, enabled=False):
            values, centre = self.target
            cosines = F.cosine_similarity(self.columns(features) - centre, values - centre, dim=1)
            losses = {"neighbours": (1 - cosines).mean()}
            if self.strokes:
                errors = [self.stroke_error(layer, features[layer]) for layer in self.layers]
                losses["strokes"] = self.strokes * torch.stack(errors).mean()
            if self.smoothness:
                losses["smoothness"] = self.smoothness * total_variation(image)
        return losses

    def stroke_error(self, layer: str, maps: Tensor) -> Tensor:
        """Return how far some positions of a layer are from their nearest vectors, relative to the style's variance."""
        parts = subgrid(size_of(maps), MOST, self.generator)
        here = maps[..., parts[0], parts[1]]
        regions = F.adaptive_avg_pool2d(self.guides, size_of(maps))[..., parts[0], parts[1]]
        sources = [
            [source.part(*subgrid(size_of(source.maps), MOST, self.generator)) for source in style]
            for style in self.sources[layer]
        ]
        values, centre = self.alone(here.detach(), regions, sources, self.generator)
        variance = (values - centre).square().sum(1).mean()
        power = FLAT * self.lengths[layer].square()
        return (here - values).square().sum(1).mean() / torch.maximum(variance, power).clamp_min(TINY)
