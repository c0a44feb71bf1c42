"""Superpixels, and regions grown from them without being told what they show."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.cluster import hierarchy  # type: ignore[import-untyped]
from skimage import filters, measure, morphology, segmentation
from torch import Tensor

import impasto
from impasto import Canvas, Preprocessor, StageError, Style, param
from impasto.functional.color import to_space
from impasto.functional.filters import box_mean, guided_filter
from impasto.stage import composite

__all__ = ["SegmentRegions", "Superpixels", "regions", "slic"]

Labels = NDArray[np.intp]
"""(H, W), the number of each pixel's segment, from 0 and without gaps."""
Values = NDArray[np.float64]

TARGETS = ("content", "styles", "both")
MOST = 1 << 30
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
    found = segmentation.slic(
        image.permute(1, 2, 0).double().cpu().numpy(), count, compactness, start_label=0, channel_axis=-1
    )
    return numbered(found)


def numbered(labels: NDArray[np.integer]) -> Labels:
    """Return labels renumbered from 0 without gaps, in the order of their old numbers."""
    places: Labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    return places


def means(values: Values, labels: Labels) -> Values:
    """Return the mean of `values` (H, W, C) in each segment, (N, C)."""
    flat = labels.ravel()
    count = np.bincount(flat)
    sums = [np.bincount(flat, values[..., channel].ravel()) for channel in range(values.shape[-1])]
    return np.stack(sums, axis=1) / count[:, None]


def neighbours(labels: Labels) -> tuple[Labels, Labels]:
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


def merge(labels: Labels, centre: Values, count: int, least: int) -> Labels:
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
        >>> merge(np.array([[0, 1, 2, 3, 4]]), greys, count=3, least=1).tolist()
        [[0, 0, 1, 1, 2]]
    """
    size = np.bincount(labels.ravel()).astype(float)
    centre = centre.copy()
    touching: list[set[int]] = [set() for _ in size]
    pairs, _ = neighbours(labels)
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
    return numbered(np.array(parent)[labels])


def without_specks(labels: Labels, image: Tensor, least: int) -> Labels:
    """Return labels, connected or not, whose pieces smaller than `least` pixels have gone to a neighbour alike."""
    pieces = numbered(measure.label(labels, background=-1, connectivity=1))
    joined = merge(pieces, means(lab(image), pieces), pieces.size, least)
    votes = np.zeros((joined.max() + 1, labels.max() + 1), dtype=np.intp)
    np.add.at(votes, (joined.ravel(), labels.ravel()), 1)
    cleaned: Labels = votes.argmax(1)[joined]
    return cleaned


def along_edges(maps: Tensor, image: Tensor) -> Tensor:
    """Return labels (B, H, W) of region maps (B, K, H, W), drawn to the edges of a picture (B, 3, H, W).

    Each map is smoothed by the guided filter with the picture as guide, and each pixel goes to the largest:
    the cost-volume filtering of Hosni et al. 2013.
    """
    return guided_filter(maps, image, max(4, round(max(image.shape[-2:]) / 40)), EDGE).argmax(1)


EDGE = 1e-3
"""Variance of colour below which `along_edges` smooths."""


def one_hot(labels: Tensor, count: int) -> Tensor:
    """Return the maps (B, K, H, W) of labels (B, H, W)."""
    return F.one_hot(labels, count).permute(0, 3, 1, 2).float()


# ----------------------------------------------------------------------------------------------------- regions


def felzenszwalb(image: Tensor) -> Labels:
    """Return small segments (H, W) by the graph of Felzenszwalb and Huttenlocher 2004."""
    pixels = image.permute(1, 2, 0).double().cpu().numpy()
    area = pixels.shape[0] * pixels.shape[1]
    fine = segmentation.felzenszwalb(pixels, scale=50, sigma=0.8, min_size=max(4, area // 5000), channel_axis=-1)
    return numbered(measure.label(fine, background=-1, connectivity=1))


def watershed(image: Tensor) -> Labels:
    """Return small segments (H, W) flooded from the minima of the colour gradient (Vincent and Soille 1991)."""
    smooth = filters.gaussian(lab(image), 1.5, channel_axis=-1)
    steep = np.sqrt(sum(filters.scharr(smooth[..., channel]) ** 2 for channel in range(3)))
    # Shallower minima are of noise and of the film's grain.
    basins = measure.label(morphology.h_minima(steep, 0.003), connectivity=1)
    return numbered(segmentation.watershed(steep, basins)) if basins.any() else np.zeros(steep.shape, dtype=np.intp)


def kmeans(image: Tensor, count: int) -> Labels:
    """Return clusters (H, W), not always connected, of what `looks` says of each place."""
    maps = looks(image)
    size = maps.shape[-2:]
    small = F.interpolate(image[None], size, mode="area")[0]
    grid = maps.permute(1, 2, 0).double().cpu().numpy()
    centres = means(grid, slic(small, CELLS))
    if len(centres) < 2:
        return np.zeros(image.shape[-2:], dtype=np.intp)
    first = numbered(hierarchy.fcluster(hierarchy.linkage(centres, "ward"), count, "maxclust"))
    centres = means(centres[None], first[None])
    points = grid.reshape(1, -1, grid.shape[-1])
    for _ in range(ROUNDS):
        nearest = numbered(distances(points[0], centres).argmin(1))
        centres = means(points, nearest[None])
    far = torch.from_numpy(distances(points[0], centres).T.reshape(1, -1, *size)).float()
    # Distances vary smoothly, labels do not: interpolated distances leave no stairs.
    labels: Labels = F.interpolate(far, image.shape[-2:], mode="bilinear", align_corners=False)[0].argmin(0).numpy()
    return numbered(labels)


CELLS = 400
"""Superpixels clustered by Ward's method for the first centres of k-means."""
ROUNDS = 10


def distances(points: Values, centres: Values) -> Values:
    """Return the squared distances (N, K) of points (N, C) from centres (K, C)."""
    found: Values = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    return found


LAYERS = ("relu4_1", "relu5_1")
DETAIL, LEAST = 320, 32
"""Pixels of the longer side that the encoder is shown, and of the shorter one at least."""
COLOUR, PLACE = 1.5, 0.7
"""Weights of colour and of position beside one for each layer."""


def looks(image: Tensor) -> Tensor:
    """Return what regions are told apart by, (C, h, w): encoder features, colour and position.

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
    maps = [balanced(box_mean(part, 2)) for part in parts]
    return torch.cat([*maps[:-1], COLOUR * maps[-1], PLACE * balanced(place(quarter, image.device))], dim=1)[0]


def balanced(maps: Tensor) -> Tensor:
    """Return maps (1, C, h, w) shifted and scaled together, so that their squares sum to 1 on average."""
    maps = maps - maps.mean((2, 3), keepdim=True)
    return maps / maps.square().sum(1).mean().sqrt().clamp_min(1e-3)


def place(size: Sequence[int], device: torch.device) -> Tensor:
    """Return rows and columns (1, 2, h, w), in units of the longer side."""
    rows, columns = (torch.arange(side, dtype=torch.float32, device=device) / max(size) for side in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]


def lab(image: Tensor) -> Values:
    """Return L*a*b*/100 of a picture (3, H, W) as an array (H, W, 3)."""
    values: Values = to_space(image[None].float(), "lab")[0].permute(1, 2, 0).double().cpu().numpy()
    return values


def alike(image: Tensor, labels: Labels) -> Values:
    """Return the mean of `looks` in each segment, (N, C)."""
    maps = F.interpolate(looks(image)[None], labels.shape, mode="nearest-exact")[0].cpu().double().flatten(1)
    index = torch.from_numpy(labels).flatten()
    sums = torch.zeros(len(maps), int(labels.max()) + 1, dtype=torch.float64).index_add_(1, index, maps)
    found: Values = (sums / index.bincount()).T.numpy().copy()
    return found


def regions(image: Tensor, count: int, method: str) -> Tensor:
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
        labels = merge(fine, alike(image, fine), count, least)
    maps = one_hot(torch.from_numpy(labels).to(image.device)[None], int(labels.max()) + 1)
    drawn = along_edges(maps, image[None])[0].cpu().numpy()
    labels = numbered(without_specks(drawn, image, least))
    order = np.argsort(-np.bincount(labels.ravel()), kind="stable")
    ranks = np.argsort(order, kind="stable")
    return one_hot(torch.from_numpy(ranks[labels]).to(image.device)[None], len(order))[0]


SMALLEST = 300
"""A piece of a region is at least one in so many pixels."""


# ------------------------------------------------------------------------------------------------------ stages


def stacked(found: Sequence[Tensor]) -> Tensor:
    """Return the maps of several pictures, each (K, H, W), as one (B, K, H, W); K is the largest, none is invented."""
    most = max(len(maps) for maps in found)
    return torch.stack([F.pad(maps, (0, 0, 0, 0, 0, most - len(maps))) for maps in found])


def check_memory(stage: Preprocessor, image: Tensor, count: int) -> None:
    """Raise a `StageError` if `count` guides for the pictures (B, 3, H, W) would take more than `MOST` bytes."""
    batch, _, height, width = image.shape
    needed = 4 * batch * height * width * count
    if needed > MOST:
        raise StageError(
            f"{stage.name}: {count} regions of {batch} × {height}×{width} pixels are {needed / 2**30:.1f} GiB of"
            f" guides, and {MOST / 2**30:g} GiB is the limit\n"
            f"  what would work: fewer regions, {count * MOST // needed} at most, or a smaller picture"
        )


class Superpixels(Preprocessor, name="superpixels"):
    """Divide the content into small segments of one colour: regions, an outline for the mask, or flat cells."""

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

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with guides, with its mask redrawn, or with a flat image."""
        picture = canvas.content
        if self.gives == "guides":
            check_memory(self, picture, self.count)
        if self.gives == "mask" and canvas.mask is None:
            raise StageError(
                f"{self.name}: there is no mask to draw to the outlines of superpixels\n"
                "  what would work: a stage before it that sets one, such as mask-rectangle, or gives='guides'"
            )
        segments = [torch.from_numpy(slic(one, self.count, self.compactness)).to(picture.device) for one in picture]
        if self.gives == "mask" and canvas.mask is not None:
            masks = canvas.mask.expand(len(picture), -1, -1, -1)
            drawn = torch.stack([flattened(*pair) for pair in zip(masks, segments, strict=True)]).ge(0.5).float()
            return self._redrawn(canvas, drawn)
        if self.gives == "flat":
            flat = torch.stack([flattened(*pair) for pair in zip(canvas.image, segments, strict=True)])
            return canvas.replace(image=composite(canvas.image, flat.clamp(0, 1), canvas.mask))
        guides = stacked([one_hot(one[None], int(one.max()) + 1)[0] for one in segments])
        return canvas.replace(guides=guides, labels=tuple(f"superpixel-{i + 1}" for i in range(guides.shape[1])))

    def _redrawn(self, canvas: Canvas, drawn: Tensor) -> Canvas:
        empty = [str(index + 1) for index, mask in enumerate(drawn) if not mask.any()]
        advice = "a larger count, so that superpixels are smaller than what the mask marks"
        if len(empty) == len(drawn):
            raise StageError(
                f"{self.name}: no superpixel lies inside the mask by half, so nothing of it is left\n"
                f"  what would work: {advice}"
            )
        if empty:
            warnings.warn(
                f"{self.name}: nothing of the mask is left in picture {', '.join(empty)} of {len(drawn)}\n"
                f"  what would work: {advice}",
                stacklevel=2,
            )
        return canvas.replace(mask=drawn)


def flattened(maps: Tensor, labels: Tensor) -> Tensor:
    """Return maps (C, H, W) with each segment of `labels` (H, W) at its mean."""
    index = labels.flatten()
    sums = maps.new_zeros(len(maps), int(index.max()) + 1, dtype=torch.float64 if maps.device.type == "cpu" else None)
    sums.index_add_(1, index, maps.flatten(1).to(sums.dtype))
    return (sums / index.bincount()).to(maps.dtype)[:, index].view_as(maps)


class SegmentRegions(Preprocessor, name="segment-regions"):
    """Divide the content, the styles or both into a few regions that look different; nothing is learnt or named."""

    count: int = param(default=4, low=2, high=256, help="regions wanted; a picture with fewer says so")
    method: str = param(
        default="kmeans",
        choices=("kmeans", "felzenszwalb", "watershed"),
        help="kmeans: by texture, colour and place, of several pieces each; felzenszwalb, watershed: connected regions",
    )
    target: str = param(default="content", choices=TARGETS, help="which pictures get regions")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with guides for the content, the styles or both."""
        return with_guides(self, canvas, self.target, self._regions)

    def _regions(self, pictures: Tensor, what: str) -> tuple[Tensor, tuple[str, ...]]:
        check_memory(self, pictures, self.count)
        found = [regions(picture, self.count, self.method) for picture in pictures]
        for index, maps in enumerate(found):
            if len(maps) < self.count:
                where = f"{what}, picture {index + 1} of {len(found)}" if len(found) > 1 else what
                warnings.warn(
                    f"{self.name}: {len(maps)} region{'s' * (len(maps) > 1)} of the {self.count} asked for"
                    f" found in the {where}\n"
                    "  what would work: a smaller count",
                    stacklevel=2,
                )
        guides = stacked(found)
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
