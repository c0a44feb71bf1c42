"""Masks from a box or a few strokes: the user says roughly where, the picture says where exactly."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import ImageColor
from scipy import ndimage  # type: ignore[import-untyped]
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import breadth_first_order, maximum_flow  # type: ignore[import-untyped]
from skimage import measure
from skimage.segmentation import random_walker
from torch import Tensor

import impasto
from impasto import Canvas, ParameterError, Preprocessor, StageError, param
from impasto.functional.color import to_space
from impasto.functional.filters import guided_filter

from .files import same_aspect
from .superpixels import one_hot
from .tools import with_mask

__all__ = ["MaskGrabCut", "MaskRandomWalker", "SegmentScribbles", "grabcut", "random_walk"]

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Known = NDArray[np.int8]
"""(H, W): 1 is certainly inside, 0 certainly outside, -1 is not known."""

INSIDE, OUTSIDE, UNKNOWN = 1, 0, -1


# ---------------------------------------------------------------------------------------------------- colours


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians over colours."""

    share: Values
    mean: Values
    covariance: Values

    def logs(self, colours: Values) -> Values:
        """Return the logarithm of each component's density times its share, (N, K), at colours (N, 3)."""
        away = colours[:, None] - self.mean
        inverse = np.linalg.inv(self.covariance)
        square = np.einsum("nki,kij,nkj->nk", away, inverse, away)
        found: Values = np.log(self.share) - 0.5 * (np.linalg.slogdet(self.covariance)[1] + square)
        return found

    def cost(self, colours: Values) -> Values:
        """Return minus the logarithm of the density at colours (..., 3), less a constant."""
        found = self.logs(colours.reshape(-1, 3))
        top = found.max(1)
        total: Values = -(top + np.log(np.exp(found - top[:, None]).sum(1)))
        return total.reshape(colours.shape[:-1])


NOISE = (2 / 255) ** 2
"""Variance added to each Gaussian, so that a flat colour has one."""


def fit(colours: Values, component: NDArray[np.intp]) -> Mixture:
    """Return the mixture whose components are the groups of colours (N, 3)."""
    groups = [colours[component == index] for index in np.unique(component)]
    share = np.array([len(group) for group in groups]) / len(colours)
    mean = np.stack([group.mean(0) for group in groups])
    spread = [(group - centre).T @ (group - centre) / len(group) for group, centre in zip(groups, mean, strict=True)]
    return Mixture(share, mean, np.stack(spread) + NOISE * np.eye(3))


ROUNDING = 1e-9


def split(colours: Values, count: int) -> NDArray[np.intp]:
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


def pairs(shape: tuple[int, int], step: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices that lay each pixel over its neighbour one step away."""
    down, right = step
    left = slice(None, -1) if right > 0 else slice(1, None) if right < 0 else slice(None)
    moved = slice(1, None) if right > 0 else slice(None, -1) if right < 0 else slice(None)
    return (slice(None, -1) if down else slice(None), left), (slice(1, None) if down else slice(None), moved)


def contrast(pixels: Values) -> list[Values]:
    """Return what it costs to cut between neighbours, for each of `STEPS`: γ·exp(−β‖zₘ−zₙ‖²)/distance."""
    squares = []
    for step in STEPS:
        here, there = pairs(pixels.shape[:2], step)
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
        here, there = pairs(gain.shape, step)
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
    flow = maximum_flow(graph, source, sink).flow
    rest = graph - flow
    rest.eliminate_zeros()
    reached = np.zeros(count + 2, dtype=bool)
    reached[breadth_first_order(rest, source, return_predecessors=False)] = True
    result: Flags = inside.copy()
    result[free] = reached[:count]
    return result


def grabcut(image: Tensor, known: Known, guess: Flags | None = None, rounds: int = 5) -> Flags:
    """Return the object in a picture by GrabCut (Rother, Kolmogorov and Blake 2004).

    Colours inside and outside are each a mixture of five Gaussians.  In turn the mixtures are fitted to the
    present mask, and the mask becomes the minimum cut of
    E(α) = Σₙ −log p(zₙ|αₙ) + γ·Σ exp(−β‖zₘ−zₙ‖²)/|m−n|·[αₘ≠αₙ].

    Args:
        image: (3, H, W), sRGB in [0, 1].
        known: (H, W), what is certain: 1 inside, 0 outside, -1 neither.
        guess: (H, W), where the object is thought to be at first; None learns the colours from what is certain.
        rounds: of fitting and cutting; ends before when nothing changes.

    Returns:
        (H, W), True inside; False everywhere if nothing is found.

    Raises:
        ValueError: there is nothing to learn the colours inside or outside from.

    Example:
        >>> import impasto, numpy as np
        >>> coffee = impasto.samples.content("coffee", 96)[0]
        >>> known = np.full((64, 96), -1, np.int8)
        >>> known[:2] = known[:, :8] = known[:, -8:] = 0  # all but a box around the cup
        >>> bool(grabcut(coffee, known, known < 0)[32, 48])
        True
    """
    height, width = known.shape
    scale = min(1.0, WORKING / max(height, width))
    small = (max(1, round(scale * height)), max(1, round(scale * width)))
    pixels = array(F.interpolate(image[None], small, mode="area")[0])
    fixed = shrunk(known, small)
    free = fixed == UNKNOWN
    mask = np.where(free, False if guess is None else resized(guess, small), fixed == INSIDE)
    learnt = {True: mask, False: ~mask if guess is not None else fixed == OUTSIDE}
    if not learnt[True].any() or not learnt[False].any():
        raise ValueError(f"no pixel to learn the colours {'outside' if learnt[True].any() else 'inside'} from")
    mixtures = {side: fit(pixels[where], split(pixels[where], COMPONENTS)) for side, where in learnt.items()}
    links = contrast(pixels)
    for _ in range(rounds):
        cut = minimum_cut(mixtures[False].cost(pixels) - mixtures[True].cost(pixels), links, mask, free)
        if np.array_equal(cut, mask) or cut.all() or not cut.any():
            mask = cut
            break
        mask = cut
        for side in (True, False):
            chosen = pixels[mask == side]
            mixtures[side] = fit(chosen, mixtures[side].logs(chosen).argmax(1))
    return tidy(redrawn(image, known, mask, mixtures) if scale < 1 else mask, known, SPECK * known.size)


def redrawn(image: Tensor, known: Known, mask: Flags, mixtures: dict[bool, Mixture]) -> Flags:
    """Return a coarse mask cut anew on the picture's own pixels near its edge (Lombaert et al. 2005)."""
    large = np.where(known == UNKNOWN, resized(mask, known.shape), known == INSIDE)
    reach = 1 + int(np.ceil(1.5 * max(known.shape) / max(mask.shape)))
    near = large.astype(np.uint8)
    side = 2 * reach + 1
    edge = ndimage.maximum_filter(near, side) != ndimage.minimum_filter(near, side)
    band = edge & (known == UNKNOWN)
    pixels = array(image)
    gain = np.zeros(known.shape)
    if band.any():
        gain[band] = mixtures[False].cost(pixels[band]) - mixtures[True].cost(pixels[band])
    return minimum_cut(gain, contrast(pixels), large, band)


def array(image: Tensor) -> Values:
    """Return a picture (3, H, W) as an array (H, W, 3)."""
    pixels: Values = image.permute(1, 2, 0).double().cpu().numpy()
    return pixels


def resized(mask: Flags, shape: tuple[int, int]) -> Flags:
    """Return a mask at another size."""
    values = torch.from_numpy(mask.astype(np.float32))[None, None]
    larger = shape[0] > mask.shape[0]
    mode = {"mode": "bilinear", "align_corners": False} if larger else {"mode": "area"}
    result: Flags = F.interpolate(values, shape, **mode)[0, 0].numpy() >= 0.5
    return result


def shrunk(known: Known, shape: tuple[int, int]) -> Known:
    """Return what is certain at a smaller size; thin strokes stay, the inside's over the outside's."""
    strokes = torch.from_numpy(np.stack([known == INSIDE, known == OUTSIDE]).astype(np.float32))
    inside, outside = F.adaptive_max_pool2d(strokes, shape).numpy() > 0
    return np.where(inside, INSIDE, np.where(outside, OUTSIDE, UNKNOWN)).astype(np.int8)


SPECK = 1e-3
"""Pieces and holes go that are smaller than this share of the picture."""


def tidy(mask: Flags, known: Known, least: float) -> Flags:
    """Return a mask without pieces and holes of fewer than `least` pixels, except those that were certain."""
    for side, certain in ((True, known == INSIDE), (False, known == OUTSIDE)):
        pieces = measure.label(mask == side, connectivity=1)
        small = np.bincount(pieces.ravel()) < least
        small[0] = False
        small[np.unique(pieces[certain])] = False
        mask = np.where(small[pieces], not side, mask)
    return mask


# ---------------------------------------------------------------------------------------------- random walker

WALKED = 384
"""Longer side, in pixels, that the walker works on; its probabilities are enlarged along the picture's edges."""


def random_walk(image: Tensor, seeds: NDArray[np.integer], beta: float = 2000.0) -> Tensor:
    """Return the probability that a walk from each pixel first meets a stroke of each kind (Grady 2006).

    Steps between neighbours have the weight exp(−β‖zₘ−zₙ‖²): the walker rarely crosses an edge.

    Args:
        image: (3, H, W), sRGB in [0, 1].
        seeds: (H, W), the strokes: 1 to K, 0 where there is none.
        beta: how rarely; in units of scikit-image, which divides by the picture's spread.

    Returns:
        (K, H, W), which sum to 1.

    Raises:
        ValueError: there are strokes of fewer than two kinds.

    Example:
        >>> import impasto, numpy as np
        >>> seeds = np.zeros((64, 96), np.uint8)
        >>> seeds[:, 0], seeds[32, 40:56] = 1, 2
        >>> random_walk(impasto.samples.content("coffee", 96)[0], seeds).shape
        torch.Size([2, 64, 96])
    """
    kinds = int(seeds.max())
    if kinds < 2 or any(not (seeds == kind).any() for kind in range(1, kinds + 1)):
        raise ValueError("strokes of two kinds or more are needed")
    marked = torch.from_numpy(np.stack([seeds == kind for kind in range(1, kinds + 1)])).float()
    height, width = seeds.shape
    scale = min(1.0, WALKED / max(height, width))
    small = (max(1, round(scale * height)), max(1, round(scale * width)))
    kept = F.adaptive_max_pool2d(marked, small).numpy() > 0
    kept[1:] &= ~np.logical_or.accumulate(kept)[:-1]  # a pixel with two strokes is the first one's
    coarse = np.where(kept.any(0), kept.argmax(0) + 1, 0)
    colours = to_space(F.interpolate(image[None], small, mode="area"), "lab")[0]
    if (coarse > 0).all():
        found = kept.astype(float)
    else:
        # Solved directly: with weights as far apart as these, conjugate gradients take a hundred times longer.
        found = random_walker(array(colours), coarse, beta=beta, mode="bf", return_full_prob=True, channel_axis=-1)
    maps = torch.from_numpy(found).float()[None]
    maps = torch.from_numpy(found).float().clamp(0, 1)[None]
    maps = maps / maps.sum(1, keepdim=True)
    if scale < 1:
        large = F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)
        maps = guided_filter(large, image[None].cpu(), 2 * round(1 / scale), 1e-4).clamp_min(1e-6)
        maps = torch.where(marked.any(0), marked[None], maps / maps.sum(1, keepdim=True))
    return maps[0].to(image.device)


# ------------------------------------------------------------------------------------------------------- strokes

CLOSE = 0.15
"""Largest difference in red, green or blue (of 1) at which a pixel is still part of a stroke."""


def read_strokes(stage: Preprocessor, path: str, colours: Mapping[str, str], size: tuple[int, int]) -> Flags:
    """Return where the strokes of each colour are in a picture drawn over the content, (K, H, W).

    Args:
        stage: for messages.
        path: the picture; what has another colour, or is transparent, is no stroke.
        colours: by what they mean, for messages.
        size: of the content.

    Raises:
        StageError: the picture has another shape than the content, or no stroke of any colour.
    """
    drawn = impasto.read(path)
    found = (drawn.tensor.shape[-2], drawn.tensor.shape[-1])
    if not same_aspect(found, size):
        raise StageError(
            f"{stage.name}: the strokes {path} are {found[0]}×{found[1]} pixels and the content is {size[0]}×{size[1]}"
            "\n  what would work: strokes drawn over the content itself, at any scale"
        )
    wanted = torch.stack([parse(colour) for colour in colours.values()])
    away = (drawn.tensor - wanted[:, :, None, None]).abs().amax(1)
    near = (away <= CLOSE) & (away == away.amin(0))
    if drawn.alpha is not None:
        near &= drawn.alpha[0] >= 0.5
    if not near.any():
        meant = ", ".join(f"{colour} for {meaning!r}" for meaning, colour in colours.items())
        raise StageError(
            f"{stage.name}: {path} has no stroke in any of the colours asked for: {meant}\n"
            "  what would work: strokes in these colours, or the colours that the strokes have, such as '#00ff00'"
        )
    # Strokes are thin: at a smaller size a pixel touched by one stays marked.
    strokes: Flags = F.adaptive_max_pool2d(near.float(), size).numpy() > 0
    return strokes


def parse(colour: str) -> Tensor:
    """Return red, green and blue in [0, 1] of a colour as HTML writes it."""
    return torch.tensor(ImageColor.getrgb(colour)[:3]) / 255


def check_colour(stage: Preprocessor, colour: str) -> None:
    """Raise a `ParameterError` unless a colour is one of HTML's."""
    try:
        parse(colour)
    except ValueError:
        raise ParameterError(
            f"{stage.name}: {colour!r} is not a colour\n  what would work: '#ff0000', or a name such as 'red'"
        ) from None


# ------------------------------------------------------------------------------------------------------- stages


class InteractiveMask(Preprocessor):
    """A stage that finds one object that the user points at."""

    box: tuple[float, ...] | None = param(
        default=None,
        low=0,
        high=1,
        help="left, top, right and bottom of a box around the object, in shares of the picture's width and height",
    )
    scribbles: str = param(
        default="", help="a picture drawn over the content, with strokes inside and outside the object"
    )
    foreground: str = param(default="white", help="colour of the strokes inside the object, such as '#00ff00'")
    background: str = param(default="black", help="colour of the strokes outside the object")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_colour(self, self.foreground)
        check_colour(self, self.background)
        if (parse(self.foreground) - parse(self.background)).abs().max() <= 2 * CLOSE:
            raise ParameterError(
                f"{self.name}: foreground {self.foreground!r} and background {self.background!r} look alike\n"
                "  what would work: two colours as different as white and black"
            )
        box = self.box
        if box is not None and (len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]):
            raise ParameterError(
                f"{self.name}: box = {box!r} is not a box\n"
                "  what would work: (left, top, right, bottom) in shares of the picture counted from its upper left"
                " corner, such as (0.2, 0.1, 0.8, 0.9)"
            )

    def known(self, size: tuple[int, int]) -> Known:
        """Return what box and strokes say for certain of a picture (H, W)."""
        height, width = size
        known = np.full(size, UNKNOWN, dtype=np.int8)
        if self.box is not None:
            left, top, right, bottom = self.box
            known[:] = OUTSIDE
            known[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = UNKNOWN
            if not (known == UNKNOWN).any():
                raise StageError(
                    f"{self.name}: the box {self.box} holds no pixel of {height}×{width}\n"
                    "  what would work: a larger box, or a larger picture"
                )
        if self.scribbles:
            colours = {"foreground": self.foreground, "background": self.background}
            inside, outside = read_strokes(self, self.scribbles, colours, size)
            known[outside] = OUTSIDE
            known[inside] = INSIDE
            for side, meaning in ((OUTSIDE, "background"), (INSIDE, "foreground")):
                if self.box is None and not (known == side).any():
                    raise StageError(
                        f"{self.name}: {self.scribbles} has no {meaning} stroke, in {colours[meaning]!r}\n"
                        "  what would work: strokes both inside and outside the object, or a box"
                    )
        return known

    def found(self, canvas: Canvas, masks: Sequence[Flags]) -> Tensor:
        """Return masks of the canvas's pictures (B, 1, H, W); raise if all are empty, warn of some."""
        advice = (
            "a stroke inside the object (scribbles=...), a tighter box, or, where object and surroundings have"
            " the same colours, a mask drawn by hand (mask-file)"
        )
        empty = [str(index + 1) for index, mask in enumerate(masks) if not mask.any()]
        if len(empty) == len(masks):
            raise StageError(f"{self.name}: found no object to tell from its surroundings\n  what would work: {advice}")
        if empty:
            warnings.warn(
                f"{self.name}: found no object in picture {', '.join(empty)} of {len(masks)},"
                f" which gets an empty mask\n  what would work: {advice}",
                stacklevel=3,
            )
        return torch.from_numpy(np.stack(masks)).float()[:, None].to(canvas.content)


class MaskGrabCut(InteractiveMask, name="mask-grabcut"):
    """Cut out an object by its colours and edges, from a box around it, strokes on it, or a rough mask."""

    rounds: int = param(default=5, low=1, high=50, help="of learning the colours and cutting; ends early when settled")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the object as its mask."""
        pictures = canvas.content
        known = self.known((pictures.shape[-2], pictures.shape[-1]))
        if self.box is not None or self.scribbles:
            guess = None if self.box is None else known != OUTSIDE
            masks = [self._cut(picture, known, guess) for picture in pictures]
            return with_mask(self, canvas, self.found(canvas, masks))
        if canvas.mask is None:
            raise StageError(
                f"{self.name}: nothing says where the object is\n"
                "  what would work: a box around it, box=(left, top, right, bottom) in shares of the picture; strokes,"
                " scribbles='strokes.png'; or a stage before it that sets a rough mask, such as saliency"
            )
        guesses = canvas.mask[:, 0].expand(len(pictures), -1, -1).cpu().numpy() >= 0.5
        masks = [self._cut(picture, known, guess) for picture, guess in zip(pictures, guesses, strict=True)]
        return canvas.replace(mask=self.found(canvas, masks))

    def _cut(self, picture: Tensor, known: Known, guess: Flags | None) -> Flags:
        try:
            return grabcut(picture, known, guess, self.rounds)
        except ValueError as error:
            raise StageError(
                f"{self.name}: {error}\n"
                "  what would work: a box or mask that is neither empty nor the whole picture, or strokes of both kinds"
            ) from error


class MaskRandomWalker(InteractiveMask, name="mask-random-walker"):
    """Cut out one object by its edges, from strokes on it and around it."""

    scribbles: str = param(help="a picture drawn over the content, with strokes inside and outside the object")
    beta: float = param(default=2000.0, low=0, high=1e6, help="how firmly edges stop the walker; too much makes crumbs")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the object as its mask."""
        known = self.known((canvas.content.shape[-2], canvas.content.shape[-1]))
        for side, meaning in ((INSIDE, "inside"), (OUTSIDE, "outside")):
            if not (known == side).any():
                raise StageError(
                    f"{self.name}: no stroke {meaning} the object\n"
                    f"  what would work: one in {self.scribbles}, drawn in"
                    f" {(self.foreground if side == INSIDE else self.background)!r}"
                )
        seeds = np.where(known == INSIDE, 1, np.where(known == OUTSIDE, 2, 0))
        masks = [
            tidy(random_walk(picture, seeds, self.beta)[0].cpu().numpy() >= 0.5, known, SPECK * known.size)
            for picture in canvas.content
        ]
        return with_mask(self, canvas, self.found(canvas, masks))


class SegmentScribbles(Preprocessor, name="segment-scribbles"):
    """Divide the content into regions from a few strokes, one colour of stroke for each region."""

    scribbles: str = param(help="a picture drawn over the content, with strokes in the colour of their region")
    labels: tuple[str, ...] = param(help="the regions and their colours, such as 'sky=#0000ff' or 'sea=green'")
    beta: float = param(default=2000.0, low=0, high=1e6, help="how firmly edges stop the walker; too much makes crumbs")

    def __post_init__(self) -> None:
        super().__post_init__()
        for colour in self._colours().values():
            check_colour(self, colour)

    def _colours(self) -> dict[str, str]:
        named = dict(entry.rpartition("=")[::2] for entry in self.labels)
        if len(named) < 2 or len(named) < len(self.labels) or not all(named):
            raise ParameterError(
                f"{self.name}: labels = {self.labels!r} does not name two regions or more with a colour each\n"
                "  what would work: ('sky=#0000ff', 'sea=green')"
            )
        return named

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with a region for each colour of stroke."""
        colours = self._colours()
        strokes = read_strokes(self, self.scribbles, colours, (canvas.content.shape[-2], canvas.content.shape[-1]))
        missing = [label for label, stroke in zip(colours, strokes, strict=True) if not stroke.any()]
        if missing:
            said = ", ".join(f"{label!r} ({colours[label]})" for label in missing)
            raise StageError(
                f"{self.name}: {self.scribbles} has no stroke for {said}\n"
                "  what would work: a stroke in that colour, or labels without it"
            )
        seeds = np.where(strokes.any(0), strokes.argmax(0) + 1, 0)
        nearest = torch.stack([random_walk(picture, seeds, self.beta).argmax(0) for picture in canvas.content])
        return canvas.replace(guides=one_hot(nearest, len(colours)), labels=tuple(colours))
