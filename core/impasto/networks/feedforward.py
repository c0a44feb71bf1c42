"""What methods share that encode, change the features and decode: moments, regions, weights, sizes of styles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import add
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import StageError
from ..functional.statistics import Moments, Statistic, in_float32
from ..stage import Style, covers, remember
from .decoders import Decoder
from .encoders import Encoder, encoder
from .tiles import Tile, cut, mapped, reach
from .vgg import VGG, Padding

# ---------------------------------------------------------------------------------- by moments, at any size


class Goal(NamedTuple):
    """What one style asks of one region: its moments, and its share of the weights; the shares sum to 1."""

    moments: Moments
    share: float


Map = Callable[[Tensor], Tensor]
"""Of features (B, C, h, w), whole or of a tile."""
Known = Mapping[str, Sequence[Moments | None]]
"""Moments by layer and region; None of a region that is nowhere."""


class Exchange(NamedTuple):
    """Which moments of the features are exchanged, and what maps features with those of the content to the goals."""

    statistic: Statistic
    towards: Callable[[Moments, Sequence[Goal]], Map]


def study(
    encoder: Encoder, layers: tuple[str, ...], image: Tensor, guides: Tensor | None, statistic: Statistic
) -> Known:
    """Return the moments of a picture's features by layer and region, with the memory of a tile.

    Args:
        encoder: gives the features.
        layers: of the encoder.
        image: (B, 3, H, W), the sides a multiple of what pooling takes together.
        guides: (1 or B, K, H, W), regions in pixels; None: one region everywhere.
        statistic: which moments.

    Where a picture of a batch has nothing of a region that another has, all of it counts.
    """
    cuts = cut(image.shape[-2:], seen(encoder, layers), stride(layers))
    return _gathered(lambda tile: encoder.features(tile.around(image), layers), cuts, guides, statistic)


def _gathered(
    look: Callable[[Tile], Mapping[str, Tensor]], cuts: Sequence[Tile], guides: Tensor | None, statistic: Statistic
) -> Known:
    regions = 1 if guides is None else guides.shape[1]
    present = [] if guides is None else [guides[:, region].flatten(1).any(1) for region in range(regions)]
    found: dict[str, list[list[Moments]]] = {}
    for tile in cuts:
        for layer, around in look(tile).items():
            x = tile.inside(around)
            pieces = found.setdefault(layer, [[] for _ in range(regions)])
            if guides is None:
                pieces[0].append(Moments.of(x, statistic))
                continue
            for own, there, area in zip(pieces, present, areas(tile.around(guides), around), strict=True):
                counts = torch.where(there[:, None, None, None], tile.inside(area), 1.0)
                if there.any() and counts.any():
                    own.append(Moments.of(x, statistic, counts))
    return {layer: [reduce(add, own) if own else None for own in pieces] for layer, pieces in found.items()}


def repainted(
    image: Tensor,
    guides: Tensor | None,
    styles: Sequence[Style],
    told: Sequence[Known],
    networks: tuple[Encoder, Decoder],
    exchange: Exchange,
    alpha: float,
) -> Tensor:
    """Return a picture decoded from features whose moments were exchanged, region by region.

    A large picture is painted in tiles, every one with the moments of the whole: it is the same picture, to
    rounding, and takes the memory of a tile.

    Args:
        image: (B, 3, H, W), the sides a multiple of what pooling takes together.
        guides: (1 or B, K, H, W), regions in pixels, outside of which features stay; None: one region everywhere.
        styles: with guides for the same regions (`align_styles`).
        told: of each style, what `study` finds in it.
        networks: the encoder, and the decoder that paints from its features.
        exchange: of which moments, and how.
        alpha: how far towards the styles, 0 to 1.

    Raises:
        StageError: weights of the styles of a region that sum to nothing.
    """
    encoder, decoder = networks
    layers = decoder.layers
    cuts = cut(image.shape[-2:], seen(encoder, layers) + reach(decoder, decoder.convolutions), stride(layers))

    @lru_cache(maxsize=1)
    def look(tile: Tile) -> Mapping[str, Tensor]:
        return {layer: x.float() for layer, x in encoder.features(tile.around(image), layers).items()}

    maps: dict[str, list[Map | None]] = {}
    for layer, known in _gathered(look, cuts, guides, exchange.statistic).items():
        moments = [one[layer] for one in told]
        maps[layer] = [
            exchange.towards(source, goals(styles, moments, region)) if source and is_covered(styles, region) else None
            for region, source in enumerate(known)
        ]

    def paint(tile: Tile) -> Tensor:
        own = None if guides is None else tile.around(guides)
        changed = {}
        for layer, x in look(tile).items():
            goal = mosaic(x, own, maps[layer])
            changed[layer] = goal if alpha == 1 else x.lerp(goal, alpha)
        painted: Tensor = decoder(changed)
        return painted

    # It begins with the tile that was seen last: a picture of one tile is encoded once.
    return mapped(paint, image, cuts[::-1])


def goals(styles: Sequence[Style], moments: Sequence[Sequence[Moments | None]], region: int) -> list[Goal]:
    """Return what the styles ask of a region that some of them cover, from their moments by region."""
    found = []
    for index, share in shares(styles, region):
        known = moments[index][0 if styles[index].guides is None else region]
        assert known is not None  # it covers the region, and so is somewhere
        found.append(Goal(known, share))
    return found


def linear(source: Moments, asked: Sequence[Goal], transform: Callable[[Tensor, Tensor], Tensor]) -> Map:
    """Return the weighted mean of the maps between means and covariances: change @ (x - mean) + goal.

    Args:
        source: mean and covariance of the content.
        asked: those of the styles.
        transform: gives the matrix (B, C, C) that takes one covariance to another.
    """
    change = _mixed(source.spread, asked, transform)
    goal = torch.stack([one.share * one.moments.mean for one in asked]).sum(0)

    @in_float32
    def moved(features: Tensor) -> Tensor:
        centred = features.float() - source.mean
        return (change @ centred.flatten(2)).view_as(centred).add_(goal)

    return moved


@in_float32
def _mixed(spread: Tensor, asked: Sequence[Goal], transform: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    return torch.stack([one.share * transform(spread, one.moments.spread) for one in asked]).sum(0)


def seen(encoder: Encoder, layers: Sequence[str]) -> int:
    """Return how many pixels beyond a position an encoder sees, down to the deepest of some layers."""
    there = encoder.network.convolutions
    return reach(encoder.network, there[: max(there.index(layer[4:]) for layer in layers) + 1])


def stride(layers: Sequence[str]) -> int:
    """Return how many pixels lie between positions of the deepest of some layers."""
    return max(1 << (int(layer[4]) - 1) for layer in layers)


# -------------------------------------------------------------------------------------- regions and weights


@dataclass(frozen=True)
class Part:
    """What one style says to one region.

    Args:
        features: (1 or B, C, h, w), of the whole style picture.
        area: (1 or B, 1, h, w), how much each position counts; None: all alike.
        share: its weight among the styles of the region; the shares sum to 1.
    """

    features: Tensor
    area: Tensor | None
    share: float


Change = Callable[[Tensor, Tensor | None, Sequence[Part]], Tensor]
"""From features (B, C, h, w), the region's area (1 or B, 1, h, w) or None, and the parts: the changed features."""


def by_region(
    features: Tensor,
    guides: Tensor | None,
    styles: Sequence[Style],
    style_features: Sequence[Tensor],
    change: Change,
) -> Tensor:
    """Return features changed region by region, each with statistics of its own; outside of all, as they are.

    Args:
        features: (B, C, h, w), of the content.
        guides: (1 or B, K, H, W), regions in pixels; None: one region everywhere.
        styles: with guides for the same regions (`align_styles`).
        style_features: of each style, (1 or B, C, h', w').
        change: what is done with one region.

    Raises:
        StageError: weights of the styles of a region that sum to nothing.
    """

    def region_map(region: int, area: Tensor | None) -> Map | None:
        if not is_covered(styles, region):
            return None
        return lambda x: change(x, area, parts(styles, style_features, region))

    if guides is None:
        return mosaic(features, None, [region_map(0, None)])
    maps = [region_map(region, somewhere(area)) for region, area in enumerate(areas(guides, features))]
    return mosaic(features, guides, maps)


def mosaic(features: Tensor, guides: Tensor | None, maps: Sequence[Map | None]) -> Tensor:
    """Return features changed by the map of each region; where None, or outside of all, as they are."""
    if guides is None:
        return features if maps[0] is None else maps[0](features)
    result = features
    for area, change in zip(areas(guides, features), maps, strict=True):
        if change is not None and area.any():
            result = result + area * (change(features) - features)
    return result


def areas(guides: Tensor, features: Tensor) -> tuple[Tensor, ...]:
    """Return how much of each region lies at the positions of some features, (1 or B, 1, h, w) each."""
    return torch.split(F.adaptive_avg_pool2d(guides, (features.shape[-2], features.shape[-1])), 1, dim=1)


def is_covered(styles: Sequence[Style], region: int) -> bool:
    """Return whether any of the styles covers a region."""
    return any(covers(style, region) for style in styles)


def parts(styles: Sequence[Style], style_features: Sequence[Tensor], region: int) -> list[Part]:
    """Return what the styles that cover a region give it."""
    made = []
    for index, share in shares(styles, region):
        guides, found = styles[index].guides, style_features[index]
        area = None
        if guides is not None:
            size = (found.shape[-2], found.shape[-1])
            area = remember(guides, ("area", region, size), partial(style_area, guides, region, size))
        made.append(Part(found, area, share))
    return made


def shares(styles: Sequence[Style], region: int) -> list[tuple[int, float]]:
    """Return the numbers of the styles that cover a region, and their shares of the weights, which sum to 1."""
    own = [(index, style.weight) for index, style in enumerate(styles) if covers(style, region)]
    total = sum(weight for _, weight in own)
    if abs(total) < 1e-6:
        raise StageError(
            f"the weights of the styles, {', '.join(f'{weight:g}' for _, weight in own)}, sum to {total:g}\n"
            "  what would work: weights with another sum; only their proportions count"
        )
    return [(index, weight / total) for index, weight in own]


def style_area(guides: Tensor, region: int, size: tuple[int, int]) -> Tensor:
    """Return the part of a style that covers a region, averaged down to the size of some features."""
    return somewhere(F.adaptive_avg_pool2d(guides[:, region : region + 1], size))


def somewhere(area: Tensor) -> Tensor:
    """Return an area whose pictures all have some: one that has none counts everywhere, and is not painted."""
    return torch.where(area.flatten(1).any(1)[:, None, None, None], area, 1.0)


def shrunk(style: Style, size: tuple[int, int], scale: float, multiple: int) -> Style:
    """Return a style shrunk to the area of a picture (H, W) times `scale` squared, and never enlarged.

    Its strokes then have the size that the style's proportions give them in that picture.  Sides are filled up to a
    multiple by repeating the border, as the content's are: pooling would leave nothing of a few pixels.
    """
    height, width = style.image.shape[-2:]
    factor = scale * (size[0] * size[1] / (height * width)) ** 0.5
    goal = (max(1, round(height * factor)), max(1, round(width * factor))) if factor < 1 else (height, width)
    fill = (0, -goal[1] % multiple, 0, -goal[0] % multiple)

    def fit(maps: Tensor) -> Tensor:
        if goal != (height, width):
            maps = F.interpolate(maps, goal, mode="bicubic", antialias=True).clamp(0, 1)
        return F.pad(maps, fill, mode="replicate") if any(fill) else maps

    return style.replace(image=fit(style.image), guides=None if style.guides is None else fit(style.guides))


def fitting_encoder(name: str, device: torch.device) -> Encoder:
    """Return an encoder that pads the picture as it pads its features: by reflection, if it was made so."""
    found = encoder(name, device=device)
    return found if own_padding(found.network) == found.padding else encoder(name, padding="reflect", device=device)


def check_pair(who: str, decoder: Decoder, encoder: Encoder) -> None:
    """Refuse a decoder that takes other channels than an encoder gives.

    Args:
        who: begins the message, such as `adain: the decoder my.pth`.
        decoder: which paints.
        encoder: which looks.

    Raises:
        StageError: they do not go together; the message says where.
    """
    for layer, takes in decoder.channels.items():
        if takes != encoder.channels.get(layer):
            raise StageError(
                f"{who} takes {takes} channels of {layer} and the encoder {encoder.name} gives"
                f" {encoder.channels.get(layer, 'none')}\n"
                "  what would work: the decoder that was trained with this encoder"
            )


def own_padding(network: VGG) -> Padding:
    """Return how to pad a picture for a network: by reflection where it pads its features so, else by repetition."""
    first = network.get_submodule("conv1_1")
    assert isinstance(first, nn.Conv2d)
    return "reflect" if first.padding_mode == "reflect" else "replicate"
