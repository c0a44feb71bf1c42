"""The bilateral filter, exactly, one neighbour at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import Postprocessor, Style, param


def bilateral_filter(
    image: Tensor, guide: Tensor, sigma_space: float = 2.0, sigma_color: float = 0.1, reach: int | None = None
) -> Tensor:
    """Average each pixel with those near it in place and in colour (Tomasi and Manduchi 1998).

    The weight of a neighbour falls as a Gaussian of its distance and of its colour's distance in the guide; with
    another picture as guide this is the joint filter of Petschnig et al. 2004.  Neighbours outside the picture do
    not count.  The time grows with the square of the reach.

    Args:
        image: (B, C, H, W) float32.
        guide: (B or 1, G, H, W), of the same size; the image itself for the plain filter.
        sigma_space: in pixels.
        sigma_color: in units of the guide's values.
        reach: of the window to each side, in pixels; None takes 3 sigma.

    Returns:
        (B, C, H, W).

    Example:
        >>> import torch
        >>> picture = torch.rand(1, 3, 9, 12)
        >>> bool(bilateral_filter(picture, picture).var() < picture.var())
        True
    """
    reach = max(2, math.ceil(3 * sigma_space)) if reach is None else reach
    height, width = image.shape[-2:]
    total = torch.ones_like(image[:, :1])
    result = image.clone()
    for down in range(min(reach, height - 1) + 1):
        for right in range(-reach, reach + 1):
            if (down == 0 and right <= 0) or abs(right) >= width:
                continue  # each pair of pixels is weighed once, for both
            rows, below = slice(0, height - down), slice(down, height)
            columns = slice(max(0, -right), width - max(0, right))
            beside = slice(max(0, right), width - max(0, -right))
            apart = (guide[..., rows, columns] - guide[..., below, beside]).square_().sum(1, keepdim=True)
            near = (down * down + right * right) / (2 * sigma_space**2)
            weight = apart.mul_(-1 / (2 * sigma_color**2)).sub_(near).exp_()
            result[..., rows, columns].addcmul_(weight, image[..., below, beside])
            result[..., below, beside].addcmul_(weight, image[..., rows, columns])
            total[..., rows, columns] += weight
            total[..., below, beside] += weight
    return result / total


class BilateralSmooth(Postprocessor, name="bilateral-smooth"):
    """Smooth the painted image among pixels of like colour, so that edges stay (Tomasi and Manduchi 1998)."""

    style = "ignored"

    sigma_space: float = param(default=2.0, low=0.3, high=30, help="reach in pixels; the time grows with its square")
    sigma_color: float = param(
        default=0.1, low=0.001, high=10, help="difference of colour, of values in [0, 1], that counts as an edge"
    )
    guide: str = param(
        default="content",
        choices=("content", "image"),
        help="whose colours are compared: the content's, or the painted image's own",
    )

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image smoothed among like pixels."""
        guide = content if self.guide == "content" else image
        return bilateral_filter(image, guide, self.sigma_space, self.sigma_color)
