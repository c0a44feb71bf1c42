"""GrabCut: an object cut out by mixtures of its colours and a minimum cut along edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import breadth_first_order, maximum_flow  # type: ignore[import-untyped]
from skimage import measure
from torch import Tensor

from impasto.functional.precision import in_double
from impasto.stage import interruptible

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Trimap = NDArray[np.int8]
"""(H, W): 1 is certainly inside, 0 certainly outside, -1 is not known."""

INSIDE, OUTSIDE, UNKNOWN = 1, 0, -1


# ---------------------------------------------------------------------------------------------------- colours


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians over colours."""

    share: Values
    mean: Values
    covariance: Values

    def log_densities(self, colours: Values) -> Values:
        """Return the logarithm of each component's density times its share, (N, K), at colours (N, 3)."""
        away = colours[:, None] - self.mean
        inverse = np.linalg.inv(self.covariance)
        square = np.einsum("nki,kij,nkj->nk", away, inverse, away)
        found: Values = np.log(self.share) - 0.5 * (np.linalg.slogdet(self.covariance)[1] + square)
        return found

    def data_cost(self, colours: Values) -> Values:
        """Return minus the logarithm of the density at colours (..., 3), less a constant."""
        found = self.log_densities(colours.reshape(-1, 3))
        top = found.max(1)
        total: Values = -(top + np.log(np.exp(found - top[:, None]).sum(1)))
        return total.reshape(colours.shape[:-1])


NOISE = (2 / 255) ** 2
"""Variance added to each Gaussian, so that a flat colour has one."""


def fit_mixture(colours: Values, component: NDArray[np.intp]) -> Mixture:
    """Return the mixture whose components are the groups of colours (N, 3)."""
    groups = [colours[component == index] for index in np.unique(component)]
    share = np.array([len(group) for group in groups]) / len(colours)
    mean = np.stack([group.mean(0) for group in groups])
    spread = [(group - centre).T @ (group - centre) / len(group) for group, centre in zip(groups, mean, strict=True)]
    return Mixture(share, mean, np.stack(spread) + NOISE * np.eye(3))


ROUNDING = 1e-9


def split_colours(colours: Values, count: int) -> NDArray[np.intp]:
    """Return groups of colours (N, 3), each cut where it is longest, at its mean (Orchard and Bouman 1991)."""
    component = np.zeros(len(colours), dtype=np.intp)
    for new in range(1, count):
        axes = []
        for index in range(new):
            group = colours[component == index]
            away = group - group.mean(0)
            values, vectors = np.linalg.eigh(away.T @ away)
            axes.append((values[-1], index, vectors[:, -1], group.mean(0)))
        _, index, axis, centre = max(axes, key=lambda one: one[0])
        beyond = (component == index) & ((colours - centre) @ axis > ROUNDING)
        if not beyond.any():  # all groups are of one colour
            break
        component[beyond] = new
    return component


# -------------------------------------------------------------------------------------------------------- cuts

COMPONENTS = 5
GAMMA = 50.0
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
WORKING = 256
"""Longer side, in pixels, at which colours are learnt; the cut is then redrawn on the pixels near its edge."""
FINE = 1000
"""Capacities are whole numbers, in these parts of one."""


def neighbour_slices(shape: tuple[int, int], step: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices that lay each pixel over its neighbour one step away."""
    down, right = step
    left = slice(None, -1) if right > 0 else slice(1, None) if right < 0 else slice(None)
    moved = slice(1, None) if right > 0 else slice(None, -1) if right < 0 else slice(None)
    return (slice(None, -1) if down else slice(None), left), (slice(1, None) if down else slice(None), moved)


def edge_costs(pixels: Values) -> list[Values]:
    """Return what it costs to cut between neighbours, for each of `STEPS`: γ·exp(−β‖zₘ−zₙ‖²)/distance."""
    squares = []
    for step in STEPS:
        here, there = neighbour_slices(pixels.shape[:2], step)
        squares.append(((pixels[here] - pixels[there]) ** 2).sum(-1))
    total, count = sum(square.sum() for square in squares), sum(square.size for square in squares)
    beta = count / (2 * total) if total > 0 else 0.0
    return [GAMMA * np.exp(-beta * square) / np.hypot(*step) for square, step in zip(squares, STEPS, strict=True)]


def minimum_cut(gain: Values, links: Sequence[Values], inside: Flags, free: Flags) -> Flags:
    """Return the pixels on the inner side of the minimum cut (Boykov and Jolly 2001).

    Args:
        gain: (H, W), what it costs more to put a pixel outside than inside.
        links: for each of `STEPS`, what it costs to cut between neighbours.
        inside: (H, W), on which side the pixels that are not free are.
        free: (H, W), the pixels to decide.

    Returns:
        (H, W), True inside.
    """
    if not free.any():
        return inside
    number = np.full(gain.shape, -1)
    count = int(free.sum())
    number[free] = np.arange(count)
    gain = gain.copy()
    starts, ends, weights = [], [], []
    for step, link in zip(STEPS, links, strict=True):
        here, there = neighbour_slices(gain.shape, step)
        both = free[here] & free[there]
        starts.append(number[here][both])
        ends.append(number[there][both])
        weights.append(link[both])
        # A neighbour that is decided already pulls a free pixel to its side.
        for own, other in ((here, there), (there, here)):
            lone = free[own] & ~free[other]
            gain[own] += np.where(lone, np.where(inside[other], link, -link), 0.0)
    source, sink = count, count + 1
    pull = gain[free]
    first, second = np.concatenate(starts), np.concatenate(ends)
    nodes = np.arange(count)
    rows = np.concatenate([first, second, np.full((pull > 0).sum(), source), nodes[pull <= 0]])
    columns = np.concatenate([second, first, nodes[pull > 0], np.full((pull <= 0).sum(), sink)])
    link = np.concatenate(weights)
    capacity = np.concatenate([link, link, pull[pull > 0], -pull[pull <= 0]])
    whole = np.rint(FINE * capacity).clip(0, 2**30).astype(np.int32)
    graph = csr_array((whole, (rows, columns)), shape=(count + 2, count + 2))
    flow = interruptible(lambda: maximum_flow(graph, source, sink)).flow
    rest = graph - flow
    rest.eliminate_zeros()
    reached = np.zeros(count + 2, dtype=bool)
    reached[breadth_first_order(rest, source, return_predecessors=False)] = True
    result: Flags = inside.copy()
    result[free] = reached[:count]
    return result


def grabcut(image: Tensor, trimap: Trimap, guess: Flags | None = None, rounds: int = 5) -> Flags:
    """Return the object in a picture by GrabCut (Rother, Kolmogorov and Blake 2004).

    Colours inside and outside are each a mixture of five Gaussians.  In turn the mixtures are fitted to the
    present mask, and the mask becomes the minimum cut of
    E(α) = Σₙ −log p(zₙ|αₙ) + γ·Σ exp(−β‖zₘ−zₙ‖²)/|m−n|·[αₘ≠αₙ].

    Args:
        image: (3, H, W), sRGB in [0, 1].
        trimap: (H, W), what is certain: 1 inside, 0 outside, -1 neither.
        guess: (H, W), where the object is thought to be at first; None learns the colours from what is certain.
        rounds: of fitting and cutting; ends before when nothing changes.

    Returns:
        (H, W), True inside; False everywhere if nothing is found.

    Raises:
        ValueError: there is nothing to learn the colours inside or outside from.

    Example:
        >>> import impasto, numpy as np
        >>> coffee = impasto.samples.content("coffee", 96)[0]
        >>> trimap = np.full((64, 96), -1, np.int8)
        >>> trimap[:2] = trimap[:, :8] = trimap[:, -8:] = 0  # all but a box around the cup
        >>> bool(grabcut(coffee, trimap, trimap < 0)[32, 48])
        True
    """
    height, width = trimap.shape
    scale = min(1.0, WORKING / max(height, width))
    small = (max(1, round(scale * height)), max(1, round(scale * width)))
    pixels = as_array(F.interpolate(image[None], small, mode="area")[0])
    fixed = shrink_trimap(trimap, small)
    free = fixed == UNKNOWN
    mask = np.where(free, False if guess is None else resize_mask(guess, small), fixed == INSIDE)
    learnt = {True: mask, False: ~mask if guess is not None else fixed == OUTSIDE}
    if not learnt[True].any() or not learnt[False].any():
        raise ValueError(f"no pixel to learn the colours {'outside' if learnt[True].any() else 'inside'} from")
    mixtures = {
        side: fit_mixture(pixels[where], split_colours(pixels[where], COMPONENTS)) for side, where in learnt.items()
    }
    links = edge_costs(pixels)
    for _ in range(rounds):
        cut = minimum_cut(
            mixtures[False].data_cost(pixels) - mixtures[True].data_cost(pixels),
            links,
            mask,
            free,
        )
        if np.array_equal(cut, mask) or cut.all() or not cut.any():
            mask = cut
            break
        mask = cut
        for side in (True, False):
            chosen = pixels[mask == side]
            mixtures[side] = fit_mixture(chosen, mixtures[side].log_densities(chosen).argmax(1))
    return remove_small_pieces(
        refine_edge(image, trimap, mask, mixtures) if scale < 1 else mask, trimap, SPECK * trimap.size
    )


def refine_edge(image: Tensor, trimap: Trimap, mask: Flags, mixtures: dict[bool, Mixture]) -> Flags:
    """Return a coarse mask cut anew on the picture's own pixels near its edge (Lombaert et al. 2005)."""
    large = np.where(trimap == UNKNOWN, resize_mask(mask, trimap.shape), trimap == INSIDE)
    reach = 1 + int(np.ceil(1.5 * max(trimap.shape) / max(mask.shape)))
    near = large.astype(np.uint8)
    side = 2 * reach + 1
    edge = ndimage.maximum_filter(near, side) != ndimage.minimum_filter(near, side)
    band = edge & (trimap == UNKNOWN)
    pixels = as_array(image)
    gain = np.zeros(trimap.shape)
    if band.any():
        gain[band] = mixtures[False].data_cost(pixels[band]) - mixtures[True].data_cost(pixels[band])
    return minimum_cut(gain, edge_costs(pixels), large, band)


def as_array(image: Tensor) -> Values:
    """Return a picture (3, H, W) as an array (H, W, 3)."""
    pixels: Values = in_double(image.permute(1, 2, 0)).cpu().numpy()
    return pixels


def resize_mask(mask: Flags, shape: tuple[int, int]) -> Flags:
    """Return a mask at another size."""
    values = torch.from_numpy(mask.astype(np.float32))[None, None]
    larger = shape[0] > mask.shape[0]
    mode = {"mode": "bilinear", "align_corners": False} if larger else {"mode": "area"}
    result: Flags = F.interpolate(values, shape, **mode)[0, 0].numpy() >= 0.5
    return result


def shrink_trimap(trimap: Trimap, shape: tuple[int, int]) -> Trimap:
    """Return what is certain at a smaller size; thin strokes stay, the inside's over the outside's."""
    strokes = torch.from_numpy(np.stack([trimap == INSIDE, trimap == OUTSIDE]).astype(np.float32))
    inside, outside = F.adaptive_max_pool2d(strokes, shape).numpy() > 0
    return np.where(inside, INSIDE, np.where(outside, OUTSIDE, UNKNOWN)).astype(np.int8)


SPECK = 1e-3
"""Pieces and holes go that are smaller than this share of the picture."""


def remove_small_pieces(mask: Flags, trimap: Trimap, least: float) -> Flags:
    """Return a mask without pieces and holes of fewer than `least` pixels, except those that were certain."""
    for side, certain in ((True, trimap == INSIDE), (False, trimap == OUTSIDE)):
        pieces = measure.label(mask == side, connectivity=1)
        small = np.bincount(pieces.ravel()) < least
        small[0] = False
        small[np.unique(pieces[certain])] = False
        mask = np.where(small[pieces], not side, mask)
    return mask
