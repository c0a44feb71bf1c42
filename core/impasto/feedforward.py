"""What methods share that encode, change the features and decode: sizes of styles, regions, weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .encoders import VGG, Encoder, Padding, encoder
from .stage import StageError, Style, once, speaks


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
        styles: aligned with the guides.
        style_features: of each style, (1 or B, C, h', w').
        change: what is done with one region.

    Raises:
        StageError: weights of the styles of a region that sum to nothing.
    """
    if guides is None:
        return change(features, None, parts(styles, style_features, 0))
    result = features
    areas = F.adaptive_avg_pool2d(guides, (features.shape[-2], features.shape[-1]))
    for region in range(areas.shape[1]):
        area = areas[:, region : region + 1]
        if area.any() and any(speaks(style, region) for style in styles):
            changed = change(features, somewhere(area), parts(styles, style_features, region))
            result = result + area * (changed - features)
    return result


def parts(styles: Sequence[Style], style_features: Sequence[Tensor], region: int) -> list[Part]:
    """Return what the styles that speak for a region say to it."""
    own = [(style, found) for style, found in zip(styles, style_features, strict=True) if speaks(style, region)]
    total = sum(style.weight for style, _ in own)
    if abs(total) < 1e-6:
        raise StageError(
            f"the weights of the styles, {', '.join(f'{style.weight:g}' for style, _ in own)}, sum to {total:g}\n"
            "  what would work: weights with another sum; only their proportions count"
        )
    made = []
    for style, found in own:
        area = None
        if style.guides is not None:
            area = once(spoken, style.guides, region, tuple(found.shape[-2:]))
        made.append(Part(found, area, style.weight / total))
    return made


def spoken(guides: Tensor, region: int, size: tuple[int, int]) -> Tensor:
    """Return the part of a style that speaks for a region, averaged down to the size of some features."""
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


def own_padding(network: VGG) -> Padding:
    """Return how to pad a picture for a network: by reflection where it pads its features so, else by repetition."""
    first = network.get_submodule("conv1_1")
    assert isinstance(first, nn.Conv2d)
    return "reflect" if first.padding_mode == "reflect" else "replicate"
