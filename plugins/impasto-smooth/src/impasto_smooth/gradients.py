"""Stages that solve for a picture with given gradients: edge-aware smoothing, screened Poisson, seams taken away."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Canvas, Postprocessor, Style, param
from impasto.functional.color import luma
from impasto.stage import bounding_box, check_mask, check_result

from .laplacian import GridLaplacian, divergence, solve

DARK = 1e-4
"""Added to luminance before its logarithm, and to the slope of that before dividing (Farbman et al. 2008)."""


# --------------------------------------------------------------------------------- weighted least squares


def wls_smooth(image: Tensor, guide: Tensor, smoothing: float = 1.0, sharpness: float = 1.2) -> Tensor:
    """Smooth `image` except across the edges of `guide`, by weighted least squares (Farbman et al. 2008).

    The result u minimises Σ (u − image)² + λ Σ (∂u)² / (|∂ log luminance|^α + ε).

    Args:
        image: (B, C, H, W) float32.
        guide: (B, 3, H, W) in [0, 1].
        smoothing: λ, how much.
        sharpness: α, how strongly slopes of the guide count as edges.

    Returns:
        (B, C, H, W).

    Example:
        >>> import torch
        >>> wls_smooth(torch.rand(1, 3, 9, 12), torch.rand(1, 3, 9, 12)).shape
        torch.Size([1, 3, 9, 12])
    """
    light = (luma(guide) + DARK).log()
    across, down = (smoothing / (light.diff(dim=dim).abs() ** sharpness + DARK) for dim in (-1, -2))
    # Every pixel has a data term of weight 1, so the error is at most this share of the picture: an eighth of a step.
    return solve(GridLaplacian(across, down, torch.ones_like(light)), image, start=image, tolerance=5e-4)


class WLSSmooth(Postprocessor, name="wls-smooth"):
    """Smooth the painted image at any scale, except across the edges of the content (Farbman et al. 2008)."""

    style = "ignored"
    bytes_per_pixel: ClassVar[int] = 230

    smoothing: float = param(
        default=1.0, low=0, high=1000, help="how much is smoothed, λ; 0.1 takes grain, 10 leaves flat areas"
    )
    sharpness: float = param(
        default=1.2, low=0, high=3, help="how strongly slopes of the guide's log-luminance count as edges, α"
    )
    guide: str = param(default="content", choices=("content", "image"), help="whose edges are kept")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image smoothed between edges."""
        guide = content if self.guide == "content" else image
        return wls_smooth(image, guide, self.smoothing, self.sharpness)


# -------------------------------------------------------------------------------------------------- screened Poisson


def screened_poisson(image: Tensor, content: Tensor, weight: float = 5.0) -> Tensor:
    """Give `image` the gradients of `content`, its fine ones most, and leave the broad colours.

    The result u minimises Σ (u − image)² + w Σ |∇u − ∇content|², a screened Poisson problem (Bhat et al. 2008);
    details smaller than about 2π√w pixels become the content's.

    Args:
        image: (B, 3, H, W) float32.
        content: (B, 3, H, W).
        weight: w, of the gradients.

    Returns:
        (B, 3, H, W), not clipped.

    Example:
        >>> import torch
        >>> photo = torch.rand(1, 3, 9, 12)
        >>> torch.allclose(screened_poisson(photo + 0.1, photo), photo + 0.1, atol=1e-4)
        True
    """
    ones = torch.ones_like(image[:1, :1])
    grid = GridLaplacian(weight * ones[..., 1:], weight * ones[..., 1:, :], ones)
    # What is solved for is the difference to the content, whose own gradients are the wanted ones.
    difference = image - content
    return content + solve(grid, difference, start=difference, tolerance=5e-4)


class ScreenedPoisson(Postprocessor, name="screened-poisson"):
    """Put the content's grain back into the painted image: its fine gradients, under the painted colours."""

    style = "ignored"

    weight: float = param(
        default=5.0, low=0, high=10_000, help="of the content's gradients; details below 2π√weight pixels are taken"
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the solution in the result")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image with the content's grain."""
        return image.lerp(screened_poisson(image, content, self.weight), self.strength)


# ------------------------------------------------------------------------------------------------- seamless


def seamless(image: Tensor, content: Tensor, mask: Tensor, mixed: bool = False) -> Tensor:
    """Shift the colours inside a mask, smoothly, until they meet the picture outside (Pérez et al. 2003).

    Inside, the result has the gradients of the painted image; across the border, those of the content.

    Args:
        image: (B, 3, H, W), painted inside the mask and to be kept outside.
        content: (B, 3, H, W), before the painting.
        mask: (1 or B, 1, H, W), above 0 inside.
        mixed: take of each pair of neighbours the stronger gradient, the image's or the content's, so that
            the content's lines run on through the painting.

    Returns:
        (B, 3, H, W), not clipped; outside the mask, and where it has no border, as given.

    Example:
        >>> import torch
        >>> photo, mask = torch.rand(1, 3, 9, 12), torch.zeros(1, 1, 9, 12)
        >>> mask[..., 3:6, 4:8] = 1
        >>> painted = torch.where(mask > 0, photo * 0.5 + 0.4, photo)
        >>> seamless(painted, photo, mask).shape
        torch.Size([1, 3, 9, 12])
    """
    inside = (mask > 0).to(image)
    outside = 1 - inside
    neighbours = F.conv2d(F.pad(outside, (1, 1, 1, 1)), CROSS.to(image))
    across, down = inside[..., 1:] * inside[..., :-1], inside[..., 1:, :] * inside[..., :-1, :]
    # At the border a pixel x_i is joined to each x_j outside by the content's gradient: x_i = x_j + c_i − c_j.
    changed = ((image - content) * outside).flatten(0, 1).unsqueeze(1)
    beyond = F.conv2d(F.pad(changed, (1, 1, 1, 1)), CROSS.to(image)).view_as(image)
    right = inside * (neighbours * (content - image) + beyond)
    if mixed:
        extra = []
        for dim, tie in ((-1, across), (-2, down)):
            painted, given = image.diff(dim=dim), content.diff(dim=dim)
            extra.append(tie * torch.where(given.abs() > painted.abs(), given - painted, 0.0))
        right = right + divergence(*extra)
    grid = GridLaplacian(across, down, inside * neighbours + outside)
    shift = solve(grid, right, torch.zeros_like(image), tolerance=1e-5)
    # Without a border nothing holds the shift, and mixed gradients would drift off.
    bordered = (outside > 0).flatten(1).any(1)[:, None, None, None]
    return torch.where((inside > 0) & bordered, image + shift, image)


CROSS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float32, device="cpu")[None, None]


class Seamless(Postprocessor, name="seamless"):
    """Let what was painted inside the mask meet the picture outside without a seam (Pérez et al. 2003)."""

    style = "ignored"

    mixed: bool = param(
        default=False, help="whether the content's stronger lines show through the painting, or the painting stays pure"
    )

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the colours inside its mask shifted to meet those outside."""
        check_mask(self, canvas)
        if canvas.mask is None or bool((canvas.mask > 0).all()):
            found = "there is no mask" if canvas.mask is None else "the mask covers the whole picture"
            warnings.warn(
                f"{self.name}: {found}, so there is no seam, and the image stays as it is\n"
                "  what would work: pipe(content, style, mask='mask.png'), or a stage before that makes a mask",
                stacklevel=2,
            )
            return canvas
        rows, columns = bounding_box(canvas.mask, 1, 1)
        image, content, mask = (maps[..., rows, columns] for maps in (canvas.image, canvas.content, canvas.mask))
        shifted = check_result(self, seamless(image, content, mask, self.mixed), image)
        joined = canvas.image.clone()
        joined[..., rows, columns] = torch.where(mask > 0, shifted, image)
        return canvas.replace(image=joined)
