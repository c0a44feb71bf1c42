"""Regions of like texture, colour and place, found without training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster import hierarchy  # type: ignore[import-untyped]
from skimage import filters, measure, morphology, segmentation
from torch import Tensor

import impasto
from impasto import Canvas, Preprocessor, StageError, Style, Weights, param
from impasto.functional.color import to_space
from impasto.functional.filters import box_mean
from impasto.functional.precision import in_double
from impasto.networks import records
from impasto.stage import interruptible

from .superpixels import (
    Labels,
    Values,
    check_guide_size,
    lab_array,
    merge_segments,
    one_hot,
    remove_specks,
    renumber,
    segment_means,
    slic,
    snap_to_edges,
    stack_maps,
)

__all__ = ["SegmentRegions", "segment_regions"]

TARGETS = ("content", "styles", "both")


def felzenszwalb(image: Tensor) -> Labels:
    """Return small segments (H, W) by the graph of Felzenszwalb and Huttenlocher 2004."""
    pixels = in_double(image.permute(1, 2, 0)).cpu().numpy()
    area = pixels.shape[0] * pixels.shape[1]
    options = {"scale": 50, "sigma": 0.8, "min_size": max(4, area // 5000), "channel_axis": -1}
    fine = interruptible(lambda: segmentation.felzenszwalb(pixels, **options))
    return renumber(measure.label(fine, background=-1, connectivity=1))


def watershed(image: Tensor) -> Labels:
    """Return small segments (H, W) flooded from the minima of the colour gradient (Vincent and Soille 1991)."""
    smooth = filters.gaussian(lab_array(image), 1.5, channel_axis=-1)
    steep = np.sqrt(sum(filters.scharr(smooth[..., channel]) ** 2 for channel in range(3)))
    # Shallower minima are of noise and of the film's grain.
    basins = measure.label(interruptible(lambda: morphology.h_minima(steep, 0.003)), connectivity=1)
    if not basins.any():
        return np.zeros(steep.shape, dtype=np.intp)
    return renumber(interruptible(lambda: segmentation.watershed(steep, basins)))


def kmeans(image: Tensor, count: int) -> Labels:
    """Return clusters (H, W), not always connected, of what `region_features` says of each place."""
    maps = region_features(image)
    size = maps.shape[-2:]
    small = F.interpolate(image[None], size, mode="area")[0]
    grid = in_double(maps.permute(1, 2, 0)).cpu().numpy()
    centres = segment_means(grid, slic(small, CELLS))
    if len(centres) < 2:
        return np.zeros(image.shape[-2:], dtype=np.intp)
    first = renumber(hierarchy.fcluster(hierarchy.linkage(centres, "ward"), count, "maxclust"))
    centres = segment_means(centres[None], first[None])
    points = grid.reshape(1, -1, grid.shape[-1])
    for _ in range(ROUNDS):
        nearest = renumber(squared_distances(points[0], centres).argmin(1))
        centres = segment_means(points, nearest[None])
    far = torch.from_numpy(squared_distances(points[0], centres).T.reshape(1, -1, *size)).float()
    # Distances vary smoothly, labels do not: interpolated distances leave no stairs.
    labels: Labels = F.interpolate(far, image.shape[-2:], mode="bilinear", align_corners=False)[0].argmin(0).numpy()
    return renumber(labels)


CELLS = 400
"""Superpixels clustered by Ward's method for the first centres of k-means."""
ROUNDS = 10


def squared_distances(points: Values, centres: Values) -> Values:
    """Return the squared distances (N, K) of points (N, C) from centres (K, C)."""
    found: Values = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    return found


LAYERS = ("relu4_1", "relu5_1")
DETAIL, LEAST = 320, 32
"""Pixels of the longer side that the encoder is shown, and of the shorter one at least."""
COLOUR, PLACE = 1.5, 0.7
"""Weights of colour and of position beside one for each layer."""


def region_features(image: Tensor) -> Tensor:
    """Return the features that distinguish regions, (C, h, w): encoder features, colour and position.

    The grid has 80 places on the longer side, whatever the size of the picture.
    """
    picture = image[None]
    # One size for all, or a larger copy of a picture would be divided by finer texture.
    size = [max(LEAST, round(DETAIL * side / max(picture.shape[-2:]))) for side in picture.shape[-2:]]
    picture = F.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)
    quarter = [-(-side // 4) for side in picture.shape[-2:]]
    with torch.autocast(image.device.type, enabled=False):
        found = impasto.encoder("slim19", device=image.device).features(picture, LAYERS)
    parts = [F.interpolate(found[layer], quarter, mode="bilinear", align_corners=False) for layer in LAYERS]
    parts.append(F.interpolate(to_space(picture, "lab"), quarter, mode="area"))
    maps = [normalize_maps(box_mean(part, 2)) for part in parts]
    return torch.cat(
        [*maps[:-1], COLOUR * maps[-1], PLACE * normalize_maps(coordinates(quarter, image.device))], dim=1
    )[0]


def normalize_maps(maps: Tensor) -> Tensor:
    """Return maps (1, C, h, w) shifted and scaled together, so that their squares sum to 1 on average."""
    maps = maps - maps.mean((2, 3), keepdim=True)
    return maps / maps.square().sum(1).mean().sqrt().clamp_min(1e-3)


def coordinates(size: Sequence[int], device: torch.device) -> Tensor:
    """Return rows and columns (1, 2, h, w), in units of the longer side."""
    rows, columns = (torch.arange(side, dtype=torch.float32, device=device) / max(size) for side in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]


def mean_features(image: Tensor, labels: Labels) -> Values:
    """Return the mean of `region_features` in each segment, (N, C)."""
    features = F.interpolate(region_features(image)[None], labels.shape, mode="nearest-exact")[0]
    maps = in_double(features).cpu().flatten(1)
    index = torch.from_numpy(labels).flatten()
    sums = torch.zeros(len(maps), int(labels.max()) + 1, dtype=torch.float64, device="cpu").index_add_(1, index, maps)
    means: Values = (sums / index.bincount()).T.numpy().copy()
    return means


def segment_regions(image: Tensor, count: int, method: str) -> Tensor:
    """Return the regions of a picture, the largest first.

    Args:
        image: (3, H, W), sRGB in [0, 1].
        count: regions wanted; a picture with fewer gives fewer.
        method: "kmeans", "felzenszwalb" or "watershed".

    Returns:
        (K, H, W), each pixel in one of K ≤ count regions.
    """
    least = max(1, image.shape[-2] * image.shape[-1] // SMALLEST)
    if method == "kmeans":
        labels = kmeans(image, count)
    else:
        fine = felzenszwalb(image) if method == "felzenszwalb" else watershed(image)
        labels = merge_segments(fine, mean_features(image, fine), count, least)
    maps = one_hot(torch.from_numpy(labels).to(image.device)[None], int(labels.max()) + 1)
    drawn = snap_to_edges(maps, image[None])[0].cpu().numpy()
    labels = renumber(remove_specks(drawn, image, least))
    order = np.argsort(-np.bincount(labels.ravel()), kind="stable")
    ranks = np.argsort(order, kind="stable")
    return one_hot(torch.from_numpy(ranks[labels]).to(image.device)[None], len(order))[0]


SMALLEST = 300
"""A piece of a region is at least one in so many pixels."""


class SegmentRegions(Preprocessor, name="segment-regions"):
    """Divide the content, the styles or both into a few regions that look different; nothing is learnt or named."""

    prepares = ("guides", "styles")
    bytes_per_pixel: ClassVar[int] = 400

    count: int = param(default=4, low=2, high=256, help="regions wanted; a picture with fewer says so")
    method: str = param(
        default="kmeans",
        choices=("kmeans", "felzenszwalb", "watershed"),
        help="kmeans: by texture, colour and place, of several pieces each; felzenszwalb, watershed: connected regions",
    )
    target: str = param(default="content", choices=TARGETS, help="which pictures get regions")

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder that looks at regions."""
        return records("slim19")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with guides for the content, the styles or both."""
        return with_guides(self, canvas, self.target, self._regions)

    def _regions(self, pictures: Tensor, what: str) -> tuple[Tensor, tuple[str, ...]]:
        check_guide_size(self, pictures, self.count)
        found = [segment_regions(picture, self.count, self.method) for picture in pictures]
        for index, maps in enumerate(found):
            if len(maps) < self.count:
                where = f"{what}, picture {index + 1} of {len(found)}" if len(found) > 1 else what
                warnings.warn(
                    f"{self.name}: {len(maps)} region{'s' * (len(maps) > 1)} of the {self.count} asked for"
                    f" found in the {where}\n"
                    "  what would work: a smaller count",
                    stacklevel=2,
                )
        guides = stack_maps(found)
        return guides, tuple(f"region-{index + 1}" for index in range(guides.shape[1]))


def with_guides(
    stage: Preprocessor,
    canvas: Canvas,
    target: str,
    find: Callable[[Tensor, str], tuple[Tensor, tuple[str, ...]]],
) -> Canvas:
    """Return the canvas with the guides and labels that `find` gives for the pictures of a target.

    Args:
        stage: for messages.
        target: "content", "styles" or "both".
        find: gives guides (B, K, H, W) and labels of pictures (B, 3, H, W); its second argument says what they are.

    Raises:
        StageError: the styles are a target, and there are none.
    """
    if target != "content":
        if not canvas.styles:
            raise StageError(
                f"{stage.name}: target={target!r}, and there is no style picture\n"
                "  what to type: pipe(content, style), or target='content'"
            )
        styles: list[Style] = []
        for index, style in enumerate(canvas.styles):
            if style.region:  # it has been told where it belongs
                styles.append(style)
                continue
            guides, labels = find(style.image, "style" if len(canvas.styles) == 1 else f"style {index + 1}")
            styles.append(style.replace(guides=guides, labels=labels))
        canvas = canvas.replace(styles=tuple(styles))
    if target != "styles":
        guides, labels = find(canvas.content, "content")
        canvas = canvas.replace(guides=guides, labels=labels)
    return canvas
