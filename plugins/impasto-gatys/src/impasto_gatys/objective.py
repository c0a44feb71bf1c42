"""What is minimised: content, style and smoothness terms of a picture, their targets measured once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Encoder, StageError, Style
from impasto.functional.losses import (
    Measurement,
    Statistic,
    StatisticOf,
    content_loss,
    histogram,
    mean_measurement,
    total_variation,
)
from impasto.functional.matting import MattingLaplacian
from impasto.functional.resizing import Size, resize
from impasto.stage import covers

from .correspondence import gains

FLAT = 1e-5
"""Variance of colour below which a window counts as flat.  With the 1e-7 of matting, what JPEG compression leaves in
a sky is an edge like others, and the style shows there."""


class Scene(NamedTuple):
    """What the picture is compared with: the content, the styles, their regions, and a style laid over the content."""

    content: Tensor
    """(1, 3, H, W)."""
    styles: Sequence[Style]
    guides: Tensor | None
    """(1, K, H, W), or None for everywhere."""
    aligned: Tensor | None = None
    """(1, 3, H, W), or None where nothing is compared place by place."""
    carried: Tensor | None = None
    """(1, 4, H, W): what was painted before, moved to where things are now, and how far that is trusted; or None."""

    def resized(self, size: Size) -> Scene:
        """Return the scene at the size of one level; styles keep theirs."""
        guides, aligned, carried = (
            None if maps is None else resize(maps, size) for maps in (self.guides, self.aligned, self.carried)
        )
        return Scene(resize(self.content, size), self.styles, guides, aligned, carried)


MARGIN = 48
"""Pixels by which a periodic picture is continued at each side."""


class Term(NamedTuple):
    """A weighted loss of one layer's features, or of the picture itself where there is no layer."""

    name: str
    layer: str | None
    weight: float
    loss: Callable[[Tensor], Tensor]


class Objective:
    """The losses of a picture by name: call it with (1, 3, H, W).

    Args:
        encoder: of the features, under autocast in low precision; the losses are float32 all the same.
        terms: what is added up; those of one name together.
        periodic: whether the picture goes on beyond its sides at the opposite ones.
    """

    def __init__(self, encoder: Encoder, terms: Sequence[Term], periodic: bool = False) -> None:
        self.encoder, self.periodic = encoder, periodic
        self.terms = [term for term in terms if term.weight]
        self.layers = tuple(dict.fromkeys(term.layer for term in self.terms if term.layer))

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the weighted losses."""
        features: Mapping[str, Tensor] = {}
        if self.layers:
            of_layers = periodic_features if self.periodic else type(self.encoder).features
            features = of_layers(self.encoder, image, self.layers)
        if self.periodic:  # so that neighbours across a side are compared too
            image = F.pad(image, (0, 1, 0, 1), mode="circular")
        losses: dict[str, Tensor] = {}
        with torch.autocast(image.device.type, enabled=False):
            for term in self.terms:
                loss = term.weight * term.loss(features[term.layer] if term.layer else image)
                losses[term.name] = losses[term.name] + loss if term.name in losses else loss
        return losses


def periodic_features(encoder: Encoder, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the features of a picture that goes on beyond its sides at the opposite ones.

    It is continued by a margin that is then cut off.  Deep layers look beyond that margin, but little: without one, an
    encoder continues the picture by its border.  A last row or column that a stride does not fill goes on at the
    first one: left out, it would be noise.

    Args:
        encoder: of the features.
        image: (1, 3, H, W), sides of at least the stride of the deepest layer.
        layers: of the encoder.

    Returns:
        (1, C, H / stride, W / stride), rounded up, by layer.

    Example:
        >>> import impasto, torch
        >>> picture = torch.rand(1, 3, 64, 64)
        >>> rolled = (torch.roll(picture, (16, 32), (2, 3)), ["relu2_1"])
        >>> vgg = impasto.encoder("slim19")
        >>> features = periodic_features(vgg, picture, ["relu2_1"])["relu2_1"]
        >>> torch.allclose(periodic_features(vgg, *rolled)["relu2_1"], torch.roll(features, (8, 16), (2, 3)), atol=1e-4)
        True
    """
    deepest = max(encoder.strides[layer] for layer in layers)
    margin = max(min(MARGIN, *image.shape[-2:]) // deepest, 1) * deepest
    whole = encoder.features(F.pad(image, (margin,) * 4, mode="circular"), layers)
    features = {}
    for layer, maps in whole.items():
        stride = encoder.strides[layer]
        first, (height, width) = margin // stride, (-(-side // stride) for side in image.shape[-2:])
        features[layer] = maps[..., first : first + height, first : first + width]
    return features


def content_terms(
    encoder: Encoder, content: Tensor, layers: Sequence[str], weight: float, aligned: Tensor | None = None
) -> list[Term]:
    """Return terms that keep the features of `content` (1, 3, H, W), the mean over the layers.

    Args:
        encoder: see `Objective`.
        content: (1, 3, H, W).
        layers: of the encoder.
        weight: of all of them.
        aligned: (1, 3, H, W), a style laid over the content, whose gain maps the features are multiplied by.
    """
    if not weight or not layers:
        return []
    targets = {layer: features.float() for layer, features in encoder.features(content, layers).items()}
    if aligned is not None:
        seen = encoder.features(aligned, layers)
        targets = {layer: gains(seen[layer], target) * target for layer, target in targets.items()}
    return [
        Term("content", layer, weight / len(layers), partial(content_loss, target=targets[layer])) for layer in layers
    ]


def style_terms(
    encoder: Encoder,
    styles: Sequence[Style],
    guides: Tensor | None,
    layers: Mapping[str, float],
    *,
    statistic: StatisticOf,
    histogram_weight: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[Term]:
    """Return terms that give each region the statistics of its styles, whose measurements are averaged.

    Args:
        encoder: see `Objective`.
        styles: each one picture, already at the size its strokes should have.
        guides: (1, K, H, W) over the picture, or None for one region; what they leave free gets no style.
        layers: weights by layer.
        statistic: of features that is imitated.
        histogram_weight: of the histogram loss on top.
        generator: what statistics of many positions draw some from; None: torch's default one.

    Raises:
        StageError: a region that has no style, or weights that cancel.
    """
    weighted = [style for style in styles if style.weight]
    if not weighted or sum(style.weight for style in weighted) == 0:
        given = ", ".join(f"{style.weight:g}" for style in styles)
        raise StageError(
            f"the weights of the styles, {given}, add up to nothing\n"
            "  what would work: weights whose sum is not 0, such as impasto.Style(picture, weight=1)"
        )
    features = [encoder.features(style.image, list(layers)) for style in weighted]
    terms = []
    with torch.autocast(weighted[0].image.device.type, enabled=False):
        for region in range(1 if guides is None else guides.shape[1]):
            area = 1.0 if guides is None else float(guides[:, region].mean())
            if area == 0:
                continue
            members = [i for i, style in enumerate(weighted) if covers(style, region)]
            if sum(weighted[i].weight for i in members) == 0:
                raise StageError(
                    f"the weights of the styles of region {region + 1} add up to nothing\n"
                    "  what would work: weights whose sum is not 0"
                )
            for layer, weight in layers.items():
                seen = [features[i][layer] for i in members]
                maps = [region_map(weighted[i].guides, region, features[i][layer]) for i in members]
                kinds = [("style", 1.0, statistic(seen[0], generator))]
                if histogram_weight:
                    kinds.append(("histogram", histogram_weight, histogram(seen[0], generator)))
                for name, share, kind in kinds:
                    measured = [kind.measure(*pair) for pair in zip(seen, maps, strict=True)]
                    target = kind.target(mean_measurement(measured, [weighted[i].weight for i in members]))
                    loss = partial(style_loss, kind=kind, target=target, guides=guides, region=region)
                    terms.append(Term(name, layer, share * weight * area, loss))
    return terms


def style_loss(features: Tensor, *, kind: Statistic, target: Measurement, guides: Tensor | None, region: int) -> Tensor:
    """Return how far the statistics of one region of features (1, C, h, w) are from the style's."""
    return kind.distance(kind.measure(features, region_map(guides, region, features)), target)


def smoothness_terms(weight: float) -> list[Term]:
    """Return the term of the squared differences of neighbours."""
    return [Term("smoothness", None, weight, total_variation)]


def photorealism_terms(content: Tensor, weight: float) -> list[Term]:
    """Return the term that keeps a picture, within each small window, a linear function of the content's colours.

    It is how much of the picture's variation within windows of 3×3 pixels is none (Luan et al. 2017), relative to how
    much the content (1, 3, H, W) varies there.
    """
    if not weight or min(content.shape[-2:]) < 3:
        return []
    laplacian = MattingLaplacian(content, FLAT)
    variance = F.avg_pool2d(content.square(), 3, 1) - F.avg_pool2d(content, 3, 1).square()
    variation = 9 * variance.clamp_min(FLAT).sum()
    return [Term("photorealism", None, weight, lambda image: laplacian.energy(image) / variation)]


def region_map(guides: Tensor | None, region: int, features: Tensor) -> Tensor | None:
    """Return one region (1, 1, h, w) as large as features (1, C, h, w), or None for everywhere."""
    if guides is None:
        return None
    height, width = features.shape[-2:]
    return F.adaptive_avg_pool2d(guides[:, region : region + 1], (height, width))
