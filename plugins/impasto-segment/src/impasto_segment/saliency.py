"""What catches the eye, found without training, as a mask of the foreground."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.filters import threshold_otsu
from torch import Tensor

from impasto import Canvas, Preprocessor, param
from impasto.functional.color import luma
from impasto.functional.filters import guided_filter
from impasto.functional.precision import in_double

from .findings import check_found
from .grabcut import UNKNOWN, remove_small_pieces
from .superpixels import EDGE, Labels, adjacent_pairs, lab_array, segment_means, slic
from .tools import with_mask

__all__ = ["Saliency", "manifold_ranking", "spectral_residual"]

Values = NDArray[np.float64]

NODES = 200
RELATED = 0.1
ALPHA = 0.99


FLAT = 1 / 255
"""A picture or a map that varies less than this shows nothing."""


def value_range(image: Tensor) -> float:
    """Return the largest difference within a channel of a picture (3, H, W)."""
    return float((image.amax((1, 2)) - image.amin((1, 2))).max())


# --------------------------------------------------------------------------------------------- manifold ranking


def manifold_ranking(image: Tensor) -> Tensor:
    """Return how little each part of a picture resembles its border, by Yang et al. 2013.

    Superpixels are the nodes of a graph, joined to their neighbours, these neighbours' neighbours, and along
    the border with each other, by wᵢⱼ = exp(−‖cᵢ−cⱼ‖/σ²) of their mean colours.  A query y ranks all nodes by
    f = (D − αW)⁻¹y.  First the four sides of the border are the queries, and what ranks low with each of them
    is foreground; then that is the query itself.

    Args:
        image: (3, H, W), sRGB in [0, 1].

    Returns:
        (H, W), in [0, 1].

    Example:
        >>> import impasto
        >>> manifold_ranking(impasto.samples.content("coffee", 96)[0]).shape
        torch.Size([64, 96])
    """
    labels = slic(image, NODES, compactness=20.0)
    colours = segment_means(lab_array(image), labels)
    count = len(colours)
    if count < 3 or value_range(image) < FLAT:
        return image.new_zeros(image.shape[-2:])
    rank = ranking_matrix(colours, labels)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    first: Values = np.ones(count)
    for side in sides:
        query = np.zeros(count)
        query[np.unique(side)] = 1
        first *= 1 - rescale(rank @ query)
    first = rescale(first)
    second = rescale(rank @ (first > first.mean()).astype(float))
    return torch.from_numpy(second[labels]).float().to(image.device)


def ranking_matrix(colours: Values, labels: Labels) -> Values:
    """Return the matrix (N, N) that ranks superpixels by a query, its diagonal 0 so that no query votes for itself."""
    count = len(colours)
    near = np.zeros((count, count), dtype=bool)
    pairs, _ = adjacent_pairs(labels)
    near[pairs[:, 0], pairs[:, 1]] = near[pairs[:, 1], pairs[:, 0]] = True
    near |= near @ near
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    near[np.ix_(border, border)] = True
    np.fill_diagonal(near, False)
    away = np.sqrt(((colours[:, None] - colours) ** 2).sum(-1))
    span = away[near]
    # σ² = 0.1 of the paper means distances scaled to [0, 1] in each picture.
    away = (away - span.min()) / max(span.max() - span.min(), 1e-9)
    weight = np.where(near, np.exp(-away / RELATED), 0.0)
    rank = np.asarray(np.linalg.inv(np.diag(weight.sum(1) + 1e-9) - ALPHA * weight), np.float64)
    np.fill_diagonal(rank, 0.0)
    return rank


def rescale(values: Values) -> Values:
    """Return values shifted and scaled to [0, 1]; a constant becomes 0."""
    span = values.max() - values.min()
    return (values - values.min()) / span if span > 1e-9 else np.zeros_like(values)


# -------------------------------------------------------------------------------------------- spectral residual


def spectral_residual(image: Tensor) -> Tensor:
    """Return where a picture is not as pictures are, by Hou and Zhang 2007.

    The logarithm of the amplitudes of natural pictures is smooth; what sticks out of its mean over 3×3
    frequencies, with the phases as they are, goes back to the places that are unusual:
    S = g ∗ |F⁻¹[exp(R + iP)]|², R = L − h₃ ∗ L, on 64 pixels.

    Args:
        image: (3, H, W), sRGB in [0, 1].

    Returns:
        (H, W), in [0, 1].

    Example:
        >>> import impasto
        >>> spectral_residual(impasto.samples.content("coffee", 96)[0]).shape
        torch.Size([64, 96])
    """
    height, width = image.shape[-2:]
    if value_range(image) < FLAT:
        return image.new_zeros(height, width)
    scale = 64 / max(height, width)
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    grey = F.interpolate(luma(image[None].float()), size, mode="bilinear", antialias=True)[0, 0]
    spectrum = np.fft.fft2(in_double(grey).cpu().numpy())
    amplitude = np.log(np.abs(spectrum) + 1e-9)
    residual = amplitude - ndimage.uniform_filter(amplitude, 3, mode="wrap")
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = rescale(ndimage.gaussian_filter(back, 2.5))
    maps = torch.from_numpy(smooth)[None, None].float().to(image.device)
    return F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)[0, 0]


# ------------------------------------------------------------------------------------------------------- stages

METHODS = {"manifold-ranking": manifold_ranking, "spectral-residual": spectral_residual}
SPECK = 1 / 300
"""Pieces and holes of the mask go that are smaller than this share of the picture."""


def foreground_mask(salient: Tensor, image: Tensor) -> Tensor:
    """Return the mask (H, W) of what is above Otsu's threshold of a map (H, W), drawn to the picture's edges."""
    smooth = smooth_along_edges(salient, image)
    if smooth.max() - smooth.min() < FLAT:
        return torch.zeros_like(salient)
    above = (smooth > float(threshold_otsu(smooth.cpu().numpy()))).float()
    drawn = (smooth_along_edges(above, image) >= 0.5).cpu().numpy()
    mask = remove_small_pieces(drawn, np.full(drawn.shape, UNKNOWN, dtype=np.int8), SPECK * drawn.size)
    return torch.from_numpy(mask).to(salient)


def smooth_along_edges(maps: Tensor, image: Tensor) -> Tensor:
    """Return a map (H, W) smoothed along the edges of a picture (3, H, W)."""
    return guided_filter(maps[None, None], image[None], max(1, round(max(maps.shape) / 40)), EDGE)[0, 0]


class Saliency(Preprocessor, name="saliency"):
    """Paint only what stands out from the picture's border, or from what is usual."""

    prepares = ("mask",)

    method: str = param(
        default="manifold-ranking",
        choices=tuple(METHODS),
        help="manifold-ranking: unlike the border, follows outlines; spectral-residual: unusual, rough and quick",
    )
    soft: bool = param(default=False, help="leave the mask grey, 1 where the picture stands out most; else Otsu's cut")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the foreground as its mask."""
        masks = []
        for picture in canvas.content:
            salient = METHODS[self.method](picture)
            masks.append(
                smooth_along_edges(salient, picture).clamp(0, 1) if self.soft else foreground_mask(salient, picture)
            )
        advice = "another method, or a mask of your own (mask-grabcut, mask-rectangle, mask-file)"
        check_found(self, masks, "no foreground found", advice)
        return with_mask(self, canvas, torch.stack(masks)[:, None])
