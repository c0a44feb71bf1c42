"""Feature transforms: encode, give the features region by region what sums up the styles, decode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import add
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from ..functional.statistics import Moments, in_float32
from ..stage import Region, Style, covered_regions, remember
from .protocols import Decoder, Encoder, largest_stride, radius_of
from .regional import FeatureMap, map_by_region, region_masks
from .tiles import Tile, map_tiles, tile_grid


class Joinable(Protocol):
    """What two parts of a picture give, `+` joins to what both give together.

    Example:
        >>> largest: Joinable = torch.tensor(3.0)  # whatever `+` joins
    """

    def __add__(self, other: Self, /) -> Self: ...


S = TypeVar("S", bound=Joinable)
Summary = Callable[[Tensor, Tensor | None], S]
"""From features (B, C, h, w), of any float type, and how much each position counts, (1 or B, 1, h, w), 0 or more, or
None for all alike, to what of them is matched: `variance_moments` for one.

A picture is summed up tile by tile: `+` joins what the tiles give to what the whole would give, to rounding.  A tile
may hold nothing of a region in one picture of a batch, whose weights are then all 0, and something in another.
"""


@dataclass(frozen=True)
class TargetSummary(Generic[S]):
    """What one style gives to one region, and the style's share of the weights; the shares sum to 1.

    Example:
        >>> TargetSummary(torch.zeros(1, 8, 1, 1), share=0.5).share
        0.5
    """

    summary: S
    share: float


@dataclass(frozen=True)
class FeatureTransform(Generic[S]):
    """How features take what sums up the styles: means and deviations, or anything that parts of a picture add up to.

    Args:
        summary: sums up features, those of the content as those of the styles.
        map_between: from the content's summary and the targets to the map that features (B, C, h, w) go through. It is
            called for each tile, so it looks at one position at a time.

    Example:
        >>> from impasto.functional.statistics import variance_moments
        >>> def shifted(source, targets):
        ...     mean = sum(target.share * target.summary.mean for target in targets)
        ...     return lambda features: features + (mean - source.mean)
        >>> shift = FeatureTransform(variance_moments, shifted)
        >>> target = TargetSummary(shift.summary(torch.full((1, 8, 4, 4), 0.5), None), share=1.0)
        >>> features = torch.rand(1, 8, 9, 9)
        >>> mapped = shift.map_between(shift.summary(features, None), [target])(features)
        >>> torch.allclose(mapped.mean((2, 3)), torch.tensor(0.5))
        True
    """

    summary: Summary[S]
    map_between: Callable[[S, Sequence[TargetSummary[S]]], FeatureMap]


RegionSummaries = Mapping[str, Sequence[S | None]]
"""Summaries by layer and region; None of a region that is nowhere."""


def style_summaries(
    styles: Sequence[Style], encoder: Encoder, layers: Sequence[str], summary: Summary[S]
) -> list[RegionSummaries[S]]:
    """Return what sums up each style's features by layer and region, in the memory of a tile, once in a stream.

    Args:
        styles: their sides are multiples of the stride of the deepest layer (`resized_styles`). Where a picture of a
            batch lacks a region that another has, the whole picture counts.
        encoder: gives the features.
        layers: of the encoder.
        summary: see `FeatureTransform`; a function of a module, which is the same in each frame.

    Example:
        >>> import impasto
        >>> from impasto.functional.statistics import variance_moments
        >>> styles, slim = [impasto.Style(torch.rand(1, 3, 32, 32))], impasto.encoder("slim19")
        >>> of_first, = style_summaries(styles, slim, ("relu2_1",), variance_moments)
        >>> of_first["relu2_1"][0].mean.shape
        torch.Size([1, 32, 1, 1])
    """
    key = ("summaries", encoder, tuple(layers), summary)
    return [remember(style, key, partial(_style_summaries, style, encoder, layers, summary)) for style in styles]


def _style_summaries(style: Style, encoder: Encoder, layers: Sequence[str], summary: Summary[S]) -> RegionSummaries[S]:
    image = style.image
    grid = tile_grid(image.shape[-2:], radius_of(encoder, layers), largest_stride(encoder, layers))
    return _region_summaries(
        lambda tile: encoder.features(tile.with_context(image), layers), grid, style.guides, summary
    )


def _region_summaries(
    features_of: Callable[[Tile], Mapping[str, Tensor]],
    grid: Sequence[Tile],
    guides: Tensor | None,
    summary: Summary[S],
) -> RegionSummaries[S]:
    """Return what sums up, by layer and region, features that are computed tile by tile."""
    regions = 1 if guides is None else guides.shape[1]
    present = [] if guides is None else [guides[:, region].flatten(1).any(1) for region in range(regions)]
    by_layer: dict[str, list[list[S]]] = {}
    for tile in grid:
        for layer, with_context in features_of(tile).items():
            features = tile.without_context(with_context)
            by_region = by_layer.setdefault(layer, [[] for _ in range(regions)])
            if guides is None:
                by_region[0].append(summary(features, None))
                continue
            masks = torch.split(region_masks(tile.with_context(guides), with_context), 1, dim=1)
            for pieces, there, mask in zip(by_region, present, masks, strict=True):
                weights = torch.where(there[:, None, None, None], tile.without_context(mask), 1.0)
                if there.any() and weights.any():
                    pieces.append(summary(features, weights))
    return {
        layer: [reduce(add, pieces) if pieces else None for pieces in by_region]
        for layer, by_region in by_layer.items()
    }


def stylize_features(
    image: Tensor,
    guides: Tensor | None,
    styles: Sequence[Style],
    summaries: Sequence[RegionSummaries[S]],
    networks: tuple[Encoder, Decoder],
    transform: FeatureTransform[S],
    alpha: float,
) -> Tensor:
    """Return the picture decoded from features that took what sums up the styles, region by region.

    A large picture is painted in tiles, every one by the summaries of the whole: it is the same picture, to
    rounding, and takes the memory of a tile and of the summaries.

    Args:
        image: (B, 3, H, W), sRGB in [0, 1]; sides are multiples of the stride of the decoder's layer.
        guides: (1 or B, K, H, W), regions in pixels, outside of which features stay; None: one region everywhere.
        styles: with guides for the same regions (`align_styles`).
        summaries: of each style, from `style_summaries`.
        networks: the encoder, and the decoder that paints from its features.
        transform: what is matched, and how features take it.
        alpha: interpolates between the content's features, 0, and the transformed ones, 1.

    Returns:
        (B, 3, H, W), sRGB about [0, 1].

    Raises:
        StageError: weights of the styles of a region that sum to nothing.

    Example:
        >>> import impasto
        >>> from impasto.functional.statistics import variance_moments
        >>> from impasto.networks import VGGDecoder
        >>> encoder, decoder = impasto.encoder("slim19"), VGGDecoder((16, 32), "relu2_1")
        >>> shift = FeatureTransform(variance_moments, lambda source, targets: lambda x: x - source.mean)
        >>> styles, content = [impasto.Style(torch.rand(1, 3, 32, 32))], torch.rand(1, 3, 32, 48)
        >>> summaries = style_summaries(styles, encoder, decoder.layers, shift.summary)
        >>> with torch.no_grad():
        ...     stylize_features(content, None, styles, summaries, (encoder, decoder), shift, 1.0).shape
        torch.Size([1, 3, 32, 48])
    """
    encoder, decoder = networks
    layers = decoder.layers
    radii = [radius_of(network, layers) for network in networks]
    radius = None if None in radii else sum(radius for radius in radii if radius is not None)
    grid = tile_grid(image.shape[-2:], radius, largest_stride(encoder, layers))

    @lru_cache(maxsize=1)
    def features_of(tile: Tile) -> Mapping[str, Tensor]:
        return {layer: x.float() for layer, x in encoder.features(tile.with_context(image), layers).items()}

    maps: dict[str, dict[int, FeatureMap]] = {}
    for layer, sources in _region_summaries(features_of, grid, guides, transform.summary).items():
        by_style = [by_layer[layer] for by_layer in summaries]
        maps[layer] = {
            region.index: transform.map_between(source, _targets(styles, by_style, region))
            for region in covered_regions(guides, styles)
            if (source := sources[region.index]) is not None
        }

    def paint(tile: Tile) -> Tensor:
        tile_guides = None if guides is None else tile.with_context(guides)
        features = {}
        for layer, x in features_of(tile).items():
            transformed = map_by_region(x, tile_guides, maps[layer])
            features[layer] = transformed if alpha == 1 else x.lerp(transformed, alpha)
        painted: Tensor = decoder(features)
        return painted

    # It begins with the tile that was encoded last: a picture of one tile is encoded once.
    return map_tiles(paint, image, grid[::-1])


def _targets(styles: Sequence[Style], by_style: Sequence[Sequence[S | None]], region: Region) -> list[TargetSummary[S]]:
    """Return the summaries and shares of the styles that cover a region, from their summaries by region."""
    targets = []
    for place, share in zip(region.styles, region.shares, strict=True):
        own = by_style[place][0 if styles[place].guides is None else region.index]
        assert own is not None  # it covers the region, which is then somewhere in its picture
        targets.append(TargetSummary(own, share))
    return targets


def affine_map(
    source: Moments, targets: Sequence[TargetSummary[Moments]], transform: Callable[[Tensor, Tensor], Tensor]
) -> FeatureMap:
    """Return the weighted mean of the affine maps between means and covariances: A (x - mean) + target mean.

    Args:
        source: mean and covariance of the content.
        targets: those of the styles.
        transform: gives the matrix A, (B, C, C), that takes one covariance to another.

    Example:
        >>> from impasto.functional.statistics import covariance, transport
        >>> content, style = torch.randn(1, 4, 9, 9), torch.randn(1, 4, 9, 9)
        >>> source, target = Moments.of(content, covariance), Moments.of(style, covariance)
        >>> mapped = affine_map(source, [TargetSummary(target, 1.0)], transport)(content)
        >>> torch.allclose(covariance(mapped)[1], target.spread, atol=1e-3)
        True
    """
    matrix = _mean_matrix(source.spread, targets, transform)
    mean = torch.stack([target.share * target.summary.mean for target in targets]).sum(0)

    @in_float32
    def mapped(features: Tensor) -> Tensor:
        centred = features.float() - source.mean
        return (matrix @ centred.flatten(2)).view_as(centred).add_(mean)

    return mapped


@in_float32
def _mean_matrix(
    spread: Tensor, targets: Sequence[TargetSummary[Moments]], transform: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    return torch.stack([target.share * transform(spread, target.summary.spread) for target in targets]).sum(0)
