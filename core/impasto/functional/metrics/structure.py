"""Metrics of structure: what of the content's forms and edges is still where it was."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color import luma
from ..resizing import size_of, size_text

SIGMA, RADIUS = 1.5, 5
STEADYING = (0.01**2, 0.03**2)
TINY = 1e-12


def structural_similarity(result: Tensor, content: Tensor) -> Tensor:
    """Return the structural similarity of luma, SSIM (Wang et al. 2004).

    Gaussian windows of 11×11 pixels, deviation 1.5, that lie inside the picture; the constants are the paper's.

    Args:
        result: (B, 3, H, W) in [0, 1], at least 11×11.
        content: (B, 3, H, W) in [0, 1].

    Returns:
        (B,): 1 is the same picture.

    Raises:
        ValueError: a picture smaller than a window.

    Example:
        >>> picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> structural_similarity(picture, picture)
        tensor([1.])
    """
    side = 2 * RADIUS + 1
    if min(size_of(result)) < side:
        raise ValueError(f"ssim needs pictures of at least {side}×{side}, found {size_text(size_of(result))}")
    place = torch.arange(-RADIUS, RADIUS + 1, device=result.device, dtype=torch.float64)
    window = torch.exp(-place.square() / (2 * SIGMA**2))
    window /= window.sum()

    def averaged(values: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(values, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))

    # In double: variances are small differences of large numbers.
    x, y = (luma(image).double() for image in (result, content))
    mean_x, mean_y = averaged(x), averaged(y)
    variances = averaged(x * x) + averaged(y * y) - mean_x.square() - mean_y.square()
    covariance = averaged(x * y) - mean_x * mean_y
    light, contrast = STEADYING
    lights = (2 * mean_x * mean_y + light) / (mean_x.square() + mean_y.square() + light)
    similarity: Tensor = lights * (2 * covariance + contrast) / (variances + contrast)
    return similarity.mean((1, 2, 3)).float()


def edge_correlation(result: Tensor, content: Tensor) -> Tensor:
    """Return the correlation of edge strengths, which are Sobel magnitudes of luma.

    Args:
        result: (B, 3, H, W) in [0, 1].
        content: (B, 3, H, W) in [0, 1].

    Returns:
        (B,): 1 where every edge is as strong, up to one factor; about 0 where edges lie elsewhere or there are none.

    Example:
        >>> picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> edge_correlation(picture, 1 - picture).round(decimals=4)
        tensor([1.])
    """
    x, y = (_sobel(image).flatten(1) for image in (result, content))
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    lengths: Tensor = x.norm(dim=1) * y.norm(dim=1)
    return ((x * y).sum(1) / lengths.clamp_min(TINY)).float()


def _sobel(image: Tensor) -> Tensor:
    """Return the gradient magnitudes (B, 1, H, W) of luma."""
    across = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]], device=image.device, dtype=torch.float64) / 8
    kernels = torch.stack([across, across.mT])[:, None]
    slopes = F.conv2d(F.pad(luma(image).double(), (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1, keepdim=True).sqrt()
