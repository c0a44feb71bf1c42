"""Superpixels, and how segments are merged, cleaned and drawn to edges."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage import measure, segmentation
from torch import Tensor

from impasto import Canvas, Preprocessor, StageError, param
from impasto.functional.color import to_space
from impasto.functional.filters import guided_filter
from impasto.functional.precision import in_double
from impasto.stage import composite, interruptible

from .findings import check_found

__all__ = ["Superpixels", "slic"]

Labels = NDArray[np.intp]
"""(H, W), the number of each pixel's segment, from 0 and without gaps."""
Values = NDArray[np.float64]

MAX_GUIDE_BYTES = 1 << 30
"""Bytes that the guides of one picture or batch may take."""


# ------------------------------------------------------------------------------------------------- superpixels


def slic(image: Tensor, count: int, compactness: float = 10.0) -> Labels:
    """Return the superpixels of a picture: small connected segments of one colour (Achanta et al. 2012).

    k-means on L*a*b* and position, each centre looking only at the pixels near it.

    Args:
        image: (3, H, W), sRGB in [0, 1].
        count: superpixels wanted; about as many come.
        compactness: weight of nearness against colour, in units of L*a*b*; more makes squarer ones.

    Returns:
        (H, W), numbers from 0.

    Example:
        >>> import impasto
        >>> slic(impasto.samples.content("cat", 96)[0], 20).shape
        (64, 96)
    """
    pixels = in_double(image.permute(1, 2, 0)).cpu().numpy()
    return renumber(
        interruptible(lambda: segmentation.slic(pixels, count, compactness, start_label=0, channel_axis=-1))
    )


def renumber(labels: NDArray[np.integer]) -> Labels:
    """Return labels renumbered from 0 without gaps, in the order of their old numbers."""
    places: Labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    return places


def segment_means(values: Values, labels: Labels) -> Values:
    """Return the mean of `values` (H, W, C) in each segment, (N, C)."""
    flat = labels.ravel()
    count = np.bincount(flat)
    sums = [np.bincount(flat, values[..., channel].ravel()) for channel in range(values.shape[-1])]
    return np.stack(sums, axis=1) / count[:, None]


def adjacent_pairs(labels: Labels) -> tuple[Labels, Labels]:
    """Return the pairs of segments that touch (N, 2), the smaller number first, and the length of their border (N,)."""
    pairs = np.concatenate(
        [
            np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], axis=1),
            np.stack([labels[:-1].ravel(), labels[1:].ravel()], axis=1),
        ]
    )
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    found, length = np.unique(pairs, axis=0, return_counts=True)
    return found.reshape(-1, 2), length


def merge_segments(labels: Labels, centre: Values, count: int, least: int) -> Labels:
    """Return segments merged until `count` are left and none is smaller than `least` pixels.

    Of the pairs that touch, the one that adds least to the sum of squares within segments goes first (Ward
    1963): nᵢnⱼ/(nᵢ+nⱼ)·‖μᵢ−μⱼ‖².  That takes small segments before large ones and like before unlike.

    Args:
        labels: (H, W), connected segments.
        centre: (N, C), the mean of what each segment is compared by.
        count: segments that may stay.
        least: pixels below which a segment is merged whatever the count.

    Returns:
        (H, W), numbers from 0.

    Example:
        >>> import numpy as np
        >>> greys = np.array([[0.0], [0.1], [5.0], [5.2], [9.0]])
        >>> merge_segments(np.array([[0, 1, 2, 3, 4]]), greys, count=3, least=1).tolist()
        [[0, 0, 1, 1, 2]]
    """
    size = np.bincount(labels.ravel()).astype(float)
    centre = centre.copy()
    touching: list[set[int]] = [set() for _ in size]
    pairs, _ = adjacent_pairs(labels)
    for one, other in pairs.tolist():
        touching[one].add(other)
        touching[other].add(one)
    parent = list(range(len(size)))
    version = [0] * len(size)

    def cost(one: int, other: int) -> float:
        away = centre[one] - centre[other]
        return float(size[one] * size[other] / (size[one] + size[other]) * (away @ away))

    def join(one: int, other: int) -> None:
        centre[one] = (size[one] * centre[one] + size[other] * centre[other]) / (size[one] + size[other])
        size[one] += size[other]
        parent[other] = one
        touching[other].discard(one)
        for third in touching[other]:
            touching[third].discard(other)
            touching[third].add(one)
        touching[one] |= touching[other]
        touching[one].discard(other)
        version[one] += 1
        version[other] = -1

    queue = [(cost(one, other), one, other, 0, 0) for one, other in pairs.tolist()]
    heapq.heapify(queue)
    left = len(size)
    while queue and left > count:
        _, one, other, first, second = heapq.heappop(queue)
        if (version[one], version[other]) != (first, second):
            continue
        join(one, other)
        left -= 1
        for third in sorted(touching[one]):
            heapq.heappush(queue, (cost(one, third), one, third, version[one], version[third]))
    small = [(size[index], index) for index in range(len(size)) if version[index] >= 0]
    heapq.heapify(small)
    while small:
        area, index = heapq.heappop(small)
        if area >= least:
            break
        if version[index] < 0 or area != size[index] or not touching[index]:
            continue
        nearest = min(sorted(touching[index]), key=lambda other: cost(index, other))
        join(nearest, index)
        heapq.heappush(small, (size[nearest], nearest))
    for index in range(len(parent)):
        root = index
        while parent[root] != root:
            root = parent[root]
        parent[index] = root
    return renumber(np.array(parent)[labels])


def remove_specks(labels: Labels, image: Tensor, least: int) -> Labels:
    """Return labels, connected or not, whose pieces smaller than `least` pixels have gone to a neighbour alike."""
    pieces = renumber(measure.label(labels, background=-1, connectivity=1))
    joined = merge_segments(pieces, segment_means(lab_array(image), pieces), pieces.size, least)
    votes = np.zeros((joined.max() + 1, labels.max() + 1), dtype=np.intp)
    np.add.at(votes, (joined.ravel(), labels.ravel()), 1)
    cleaned: Labels = votes.argmax(1)[joined]
    return cleaned


def snap_to_edges(maps: Tensor, image: Tensor) -> Tensor:
    """Return labels (B, H, W) of region maps (B, K, H, W), drawn to the edges of a picture (B, 3, H, W).

    Each map is smoothed by the guided filter with the picture as guide, and each pixel goes to the largest:
    the cost-volume filtering of Hosni et al. 2013.
    """
    return guided_filter(maps, image, max(4, round(max(image.shape[-2:]) / 40)), EDGE).argmax(1)


EDGE = 1e-3
"""Variance of colour below which `snap_to_edges` smooths."""


def one_hot(labels: Tensor, count: int) -> Tensor:
    """Return the maps (B, K, H, W) of labels (B, H, W)."""
    return F.one_hot(labels, count).permute(0, 3, 1, 2).float()


def lab_array(image: Tensor) -> Values:
    """Return L*a*b*/100 of a picture (3, H, W) as an array (H, W, 3)."""
    values: Values = in_double(to_space(image[None].float(), "lab")[0].permute(1, 2, 0)).cpu().numpy()
    return values


def stack_maps(found: Sequence[Tensor]) -> Tensor:
    """Return the maps of several pictures, each (K, H, W), as one (B, K, H, W); K is the largest, none is invented."""
    most = max(len(maps) for maps in found)
    return torch.stack([F.pad(maps, (0, 0, 0, 0, 0, most - len(maps))) for maps in found])


def check_guide_size(stage: Preprocessor, image: Tensor, count: int) -> None:
    """Raise a `StageError` if `count` guides for the pictures (B, 3, H, W) would take too much memory."""
    batch, _, height, width = image.shape
    needed = 4 * batch * height * width * count
    if needed > MAX_GUIDE_BYTES:
        raise StageError(
            f"{stage.name}: {count} regions of {batch} × {width}×{height} pixels are {needed / 2**30:.1f} GiB of"
            f" guides, and {MAX_GUIDE_BYTES / 2**30:g} GiB is the limit\n"
            f"  what would work: fewer regions, {count * MAX_GUIDE_BYTES // needed} at most, or a smaller picture"
        )


class Superpixels(Preprocessor, name="superpixels"):
    """Divide the content into small segments of one colour: regions, an outline for the mask, or flat cells."""

    bytes_per_pixel: ClassVar[int] = 210

    count: int = param(default=24, low=2, high=100_000, help="superpixels wanted; about as many come")
    compactness: float = param(
        default=10.0,
        low=0.01,
        high=1000,
        help="weight of nearness against colour, in units of L*a*b*; more makes squarer segments",
    )
    gives: str = param(
        default="guides",
        choices=("guides", "mask", "flat"),
        help="guides: each is a region; mask: the mask that is there, drawn to their outlines; "
        "flat: the image in their mean colours",
    )

    @property
    def prepares(self) -> tuple[str, ...]:
        """The part of the canvas that it changes."""
        return ("image",) if self.gives == "flat" else (self.gives,)

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with guides, with its mask redrawn, or with a flat image."""
        picture = canvas.content
        if self.gives == "guides":
            check_guide_size(self, picture, self.count)
        if self.gives == "mask" and canvas.mask is None:
            raise StageError(
                f"{self.name}: there is no mask to draw to the outlines of superpixels\n"
                "  what would work: a stage before it that sets one, such as mask-rectangle, or gives='guides'"
            )
        segments = [torch.from_numpy(slic(one, self.count, self.compactness)).to(picture.device) for one in picture]
        if self.gives == "mask" and canvas.mask is not None:
            masks = canvas.mask.expand(len(picture), -1, -1, -1)
            drawn = torch.stack([fill_with_means(*pair) for pair in zip(masks, segments, strict=True)]).ge(0.5).float()
            return self._redrawn(canvas, drawn)
        if self.gives == "flat":
            flat = torch.stack([fill_with_means(*pair) for pair in zip(canvas.image, segments, strict=True)])
            return canvas.replace(image=composite(canvas.image, flat.clamp(0, 1), canvas.mask))
        guides = stack_maps([one_hot(one[None], int(one.max()) + 1)[0] for one in segments])
        return canvas.replace(guides=guides, labels=tuple(f"superpixel-{i + 1}" for i in range(guides.shape[1])))

    def _redrawn(self, canvas: Canvas, drawn: Tensor) -> Canvas:
        advice = "a larger count, so that superpixels are smaller than what the mask marks"
        check_found(self, drawn, "no superpixel lies inside the mask by half", advice)
        return canvas.replace(mask=drawn)


def fill_with_means(maps: Tensor, labels: Tensor) -> Tensor:
    """Return maps (C, H, W) with each segment of `labels` (H, W) at its mean."""
    exact = in_double(maps.flatten(1))
    index = labels.flatten().to(exact.device)
    sums = exact.new_zeros(len(maps), int(index.max()) + 1).index_add_(1, index, exact)
    return (sums / index.bincount())[:, index].to(maps).view_as(maps)
