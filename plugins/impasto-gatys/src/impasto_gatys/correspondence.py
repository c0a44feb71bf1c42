"""Two pictures of the same kind of thing, laid over each other by pairs of points, and the gain maps between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.functional.resizing import Size, size_of

LOWEST, HIGHEST = 0.7, 5.0
"""Bounds of a gain, as in the paper."""

NEIGHBOURHOOD = 3
"""Positions across which the energy of features is averaged: points by hand do not meet to a pixel."""

FLOOR = 0.01
"""Of a channel's mean energy: what a place has at least, so that nothing is divided by nothing."""


def align(style: Tensor, content: Tensor, points: Sequence[Sequence[float]]) -> Tensor:
    """Return the style bent until its points lie on the content's, by a thin-plate spline (Bookstein 1989).

    Args:
        style: (1, 3, h, w).
        content: (1, 3, H, W); what lies outside the style is taken from it.
        points: pairs, at least three: x and y in the content, x and y in the style, as shares of width and height.

    Returns:
        (1, 3, H, W).

    Raises:
        ValueError: points of the content that lie on a line or on each other, which leave open how to bend.

    Example:
        >>> face = torch.rand(1, 3, 24, 32)
        >>> corners = [(0.2, 0.2, 0.8, 0.2), (0.8, 0.2, 0.2, 0.2), (0.2, 0.8, 0.8, 0.8)]
        >>> torch.allclose(align(face, torch.zeros(1, 3, 24, 32), corners), face.flip(3), atol=1e-3)
        True
    """
    height, width = size_of(content)
    where = spline(points, (height, width)).to(content.device)
    grid = (2 * where - 1).unsqueeze(0)
    bent = F.grid_sample(style, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = (grid.abs() <= 1).all(-1).unsqueeze(1)
    return torch.where(inside, bent, content)


def spline(points: Sequence[Sequence[float]], size: Size) -> Tensor:
    """Return the place in the style of each pixel of the content, (H, W, 2): x and y as shares of its width and height.

    Args:
        points: as `align` takes them.
        size: height and width of the content.

    Raises:
        ValueError: points of the content that lie on a line or on each other.
    """
    height, width = size
    pairs = torch.tensor([list(pair) for pair in points], dtype=torch.float64, device="cpu")
    # Distances are those of the content's pixels: bending is not to depend on its proportions.
    scale = torch.tensor([width, height], dtype=torch.float64, device="cpu") / max(size)
    given, goal = pairs[:, :2] * scale, pairs[:, 2:]
    affine = torch.cat([torch.ones_like(given[:, :1]), given], 1)
    distances = torch.cdist(given, given)
    if torch.linalg.matrix_rank(affine, rtol=1e-3) < 3 or int((distances == 0).sum()) > len(given):
        raise ValueError("points of the content lie on a line, or on each other")
    system = torch.zeros(len(given) + 3, len(given) + 3, dtype=torch.float64, device="cpu")
    system[: len(given), : len(given)] = _bending(distances.square())
    system[: len(given), len(given) :] = affine
    system[len(given) :, : len(given)] = affine.mT
    found = torch.linalg.solve(system, F.pad(goal, (0, 0, 0, 3))).float()
    axes = [
        (torch.arange(length, dtype=torch.float32, device="cpu") + 0.5) / length * float(part)
        for length, part in ((height, scale[1]), (width, scale[0]))
    ]
    y, x = torch.meshgrid(*axes, indexing="ij")
    where: Tensor = found[-3] + x[..., None] * found[-2] + y[..., None] * found[-1]
    for (at_x, at_y), weight in zip(given.float(), found[: len(given)], strict=True):
        where += _bending((x - at_x).square() + (y - at_y).square())[..., None] * weight
    return where


def gains(style: Tensor, content: Tensor) -> Tensor:
    """Return how much stronger each channel responds in the style than in the content (Selim et al. 2016).

    Args:
        style: features (1, C, H, W) of the style, laid over the content.
        content: (1, C, H, W).

    Returns:
        (1, C, H, W), between 0.7 and 5.

    Example:
        >>> features = torch.rand(1, 8, 6, 6)
        >>> bool((gains(2 * features, features) - 2).abs().max() < 0.05)
        True
    """
    one, other = _energy(style), _energy(content)
    least = FLOOR * other.mean((2, 3), keepdim=True) + torch.finfo(other.dtype).tiny
    return ((one + least) / (other + least)).sqrt().clamp(LOWEST, HIGHEST)


def _energy(features: Tensor) -> Tensor:
    """Return the mean square around each position."""
    around = NEIGHBOURHOOD // 2
    padded = F.pad(features.float().square(), (around,) * 4, mode="replicate")
    return F.avg_pool2d(padded, NEIGHBOURHOOD, stride=1)


def _bending(squared: Tensor) -> Tensor:
    """Return r² log r² of squared distances, 0 at 0."""
    return torch.xlogy(squared, squared)
