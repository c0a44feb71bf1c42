"""Transfer of feature statistics: encode, give the features the styles' moments region by region, decode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import add
from typing import NamedTuple

import torch
from torch import Tensor

from ..functional.statistics import MeanSpread, Moments, in_float32
from ..stage import Region, Style, covered_regions
from .protocols import Decoder, Encoder, largest_stride, radius_of
from .regional import FeatureMap, map_by_region, region_masks
from .tiles import Tile, map_tiles, tile_grid


class TargetMoments(NamedTuple):
    """The moments that one style gives to one region, and the style's share of the weights; the shares sum to 1."""

    moments: Moments
    share: float


class FeatureTransform(NamedTuple):
    """How features take the styles' statistics.

    Args:
        statistic: which moments: `variance` or `covariance`.
        map_between: from the content's moments and the targets to the map that features go through.
    """

    statistic: MeanSpread
    map_between: Callable[[Moments, Sequence[TargetMoments]], FeatureMap]


RegionMoments = Mapping[str, Sequence[Moments | None]]
"""Moments by layer and region; None of a region that is nowhere."""


def style_statistics(
    encoder: Encoder, layers: tuple[str, ...], image: Tensor, guides: Tensor | None, statistic: MeanSpread
) -> RegionMoments:
    """Return the moments of a picture's features by layer and region, in the memory of a tile.

    Args:
        encoder: gives the features.
        layers: of the encoder.
        image: (B, 3, H, W), sRGB in [0, 1]; sides are multiples of the stride of the deepest layer.
        guides: (1 or B, K, H, W), regions in pixels; None: one region everywhere. Where a picture of a batch lacks a
            region that another has, the whole picture counts.
        statistic: which moments.

    Example:
        >>> import impasto
        >>> from impasto.functional.statistics import variance
        >>> picture, slim = torch.rand(1, 3, 32, 32), impasto.encoder("slim19")
        >>> style_statistics(slim, ("relu2_1",), picture, None, variance)["relu2_1"][0].mean.shape
        torch.Size([1, 32, 1, 1])
    """
    grid = tile_grid(image.shape[-2:], radius_of(encoder, layers), largest_stride(encoder, layers))
    return _region_moments(lambda tile: encoder.features(tile.with_context(image), layers), grid, guides, statistic)


def _region_moments(
    features_of: Callable[[Tile], Mapping[str, Tensor]],
    grid: Sequence[Tile],
    guides: Tensor | None,
    statistic: MeanSpread,
) -> RegionMoments:
    """Return the moments by layer and region of features that are computed tile by tile."""
    regions = 1 if guides is None else guides.shape[1]
    present = [] if guides is None else [guides[:, region].flatten(1).any(1) for region in range(regions)]
    by_layer: dict[str, list[list[Moments]]] = {}
    for tile in grid:
        for layer, with_context in features_of(tile).items():
            features = tile.without_context(with_context)
            by_region = by_layer.setdefault(layer, [[] for _ in range(regions)])
            if guides is None:
                by_region[0].append(Moments.of(features, statistic))
                continue
            masks = torch.split(region_masks(tile.with_context(guides), with_context), 1, dim=1)
            for pieces, there, mask in zip(by_region, present, masks, strict=True):
                weights = torch.where(there[:, None, None, None], tile.without_context(mask), 1.0)
                if there.any() and weights.any():
                    pieces.append(Moments.of(features, statistic, weights))
    return {
        layer: [reduce(add, pieces) if pieces else None for pieces in by_region]
        for layer, by_region in by_layer.items()
    }


def stylize_features(
    image: Tensor,
    guides: Tensor | None,
    styles: Sequence[Style],
    style_moments: Sequence[RegionMoments],
    networks: tuple[Encoder, Decoder],
    transform: FeatureTransform,
    alpha: float,
) -> Tensor:
    """Return the picture decoded from features that took the styles' statistics, region by region.

    A large picture is painted in tiles, every one with the moments of the whole: it is the same picture, to
    rounding, and takes the memory of a tile.

    Args:
        image: (B, 3, H, W), sRGB in [0, 1]; sides are multiples of the stride of the decoder's layer.
        guides: (1 or B, K, H, W), regions in pixels, outside of which features stay; None: one region everywhere.
        styles: with guides for the same regions (`align_styles`).
        style_moments: of each style, from `style_statistics`.
        networks: the encoder, and the decoder that paints from its features.
        transform: which moments, and how features take them.
        alpha: interpolates between the content's features, 0, and the transformed ones, 1.

    Returns:
        (B, 3, H, W), sRGB about [0, 1].

    Raises:
        StageError: weights of the styles of a region that sum to nothing.
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
    for layer, content_moments in _region_moments(features_of, grid, guides, transform.statistic).items():
        moments = [by_layer[layer] for by_layer in style_moments]
        maps[layer] = {
            region.index: transform.map_between(source, target_moments(styles, moments, region))
            for region in covered_regions(guides, styles)
            if (source := content_moments[region.index])
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


def target_moments(
    styles: Sequence[Style], moments: Sequence[Sequence[Moments | None]], region: Region
) -> list[TargetMoments]:
    """Return the moments and shares of the styles that cover a region, from their moments by region."""
    targets = []
    for place, share in zip(region.styles, region.shares, strict=True):
        own = moments[place][0 if styles[place].guides is None else region.index]
        assert own is not None  # it covers the region, which is then somewhere in its picture
        targets.append(TargetMoments(own, share))
    return targets


def affine_map(
    source: Moments, targets: Sequence[TargetMoments], transform: Callable[[Tensor, Tensor], Tensor]
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
        >>> mapped = affine_map(source, [TargetMoments(target, 1.0)], transport)(content)
        >>> torch.allclose(covariance(mapped)[1], target.spread, atol=1e-3)
        True
    """
    matrix = _mean_matrix(source.spread, targets, transform)
    mean = torch.stack([target.share * target.moments.mean for target in targets]).sum(0)

    @in_float32
    def mapped(features: Tensor) -> Tensor:
        centred = features.float() - source.mean
        return (matrix @ centred.flatten(2)).view_as(centred).add_(mean)

    return mapped


@in_float32
def _mean_matrix(
    spread: Tensor, targets: Sequence[TargetMoments], transform: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    return torch.stack([target.share * transform(spread, target.moments.spread) for target in targets]).sum(0)
