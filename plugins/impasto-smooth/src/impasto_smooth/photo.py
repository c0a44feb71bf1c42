"""Smoothing that makes a stylised photograph a photograph again (Li et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.matting import EPS, MattingLaplacian, screened


def photo_smooth(image: Tensor, content: Tensor, beta: float = 0.9999, eps: float = EPS) -> Tensor:
    """Smooth `image` so that it varies only where `content` does, by manifold ranking on the matting affinity.

    Pixels of the content that look alike and lie near each other are tied, and the colours of the image spread
    along the ties: the solution of ((1 − β) D + β L) x = (1 − β) D y for the matting Laplacian L and the number
    of windows D around each pixel (Li, Liu, Li, Yang and Kautz 2018, equations 6 and 7).  The paper divides by
    √D on both sides, which darkens the border; x is the paper's, with y and x divided by √D.

    Args:
        image: y, (B, 3, H, W) float32.
        content: (B, 3, H, W) in [0, 1].
        beta: how far colours spread, below 1; the mean of an unbroken region at 1.
        eps: variance of the content's colours below which a window counts as flat.

    Returns:
        (B, 3, H, W), within about a tenth of a step of 8 bits, root mean square, of the exact solution.

    Example:
        >>> import torch
        >>> photo_smooth(torch.rand(1, 3, 9, 12), torch.rand(1, 3, 9, 12)).shape
        torch.Size([1, 3, 9, 12])
    """
    laplacian = MattingLaplacian(content, eps)
    return screened(laplacian, (1 - beta) / beta * laplacian.windows, image)


class PhotoSmooth(Postprocessor, name="photo-smooth"):
    """Let the painted image vary only where the content does, so that it looks like a photograph (Li et al. 2018)."""

    style = "ignored"
    bytes_per_pixel: ClassVar[int] = 1500

    beta: float = param(
        default=0.9999, low=0.01, high=0.999999, help="how far colours spread along the content's surfaces, below 1"
    )
    eps: float = param(
        default=EPS, low=1e-9, high=1, help="variance of the content below which it counts as flat; more blurs edges"
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the smoothed image in the result")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image smoothed along the content."""
        return image.lerp(photo_smooth(image, content, self.beta, self.eps), self.strength)
