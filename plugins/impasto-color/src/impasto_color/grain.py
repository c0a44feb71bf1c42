"""Regraining (Pitié et al. 2007): new colours with the gradients of the original picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ITERATIONS = (4, 16, 32, 64)
"""Iterations of relaxation from the finest level on; levels beyond get the last."""
COARSEST = 20
"""Pixels; the shorter side of the coarsest level is less than twice this."""


def regrain(image: Tensor, original: Tensor, level: int = 0) -> Tensor:
    """Return a recoloured picture with the gradients of the original (Pitié, Kokaram and Dahyot 2007).

    The result J minimises Σ φ |∇J − ∇I|² + ψ (J − T)² for the original I and its recoloured picture T.
    Where I is smooth, ψ is small and φ large, and J follows its gradients; where I has edges, J follows T.
    As in the paper it is found from coarse to fine, each level relaxing what the coarser has found.

    Args:
        image: (B, 3, H, W), T.
        original: (B, 3, H, W), I.
        level: of the pyramid, 0 for the finest.

    Returns:
        (B, 3, H, W), J.

    Example:
        >>> import torch
        >>> smooth = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
        >>> noisy = smooth.sqrt() + 0.1 * torch.randn(1, 3, 64, 64)
        >>> made = regrain(noisy, smooth)
        >>> bool(made.diff(dim=-2).abs().mean() < 0.1 * noisy.diff(dim=-2).abs().mean())
        True
    """
    height, width = image.shape[-2:]
    found = image
    if min(height, width) >= 2 * COARSEST:
        half = ((height + 1) // 2, (width + 1) // 2)
        small, plain = (F.interpolate(one, half, mode="bilinear", antialias=True) for one in (image, original))
        found = F.interpolate(regrain(small, plain, level + 1), (height, width), mode="bilinear")
    return relax(found, image, original, ITERATIONS[min(level, len(ITERATIONS) - 1)], 2.0**-level)


def relax(found: Tensor, image: Tensor, original: Tensor, iterations: int, scale: float = 1.0) -> Tensor:
    """Return J after iterations of Jacobi relaxation from `found`; `scale` is the size of the level's φ."""
    steps = gradient_length(original)
    # The paper gives no units: φ falls over the whole range of values, ψ rises over five levels of 8 bits.
    smoothness = scale * 30 / (1 + 10 * steps)
    fidelity = (255 * steps / 5).clamp(max=1)
    total, given = fidelity, fidelity * image
    pairs = []  # neighbours along each axis, and how strongly they are tied
    for dim in (-1, -2):
        length = image.shape[dim]
        if length > 1:
            tie = (smoothness.narrow(dim, 0, length - 1) + smoothness.narrow(dim, 1, length - 1)) / 2
            difference = tie * original.diff(dim=dim)
            total = total + pad(tie, dim, 0, 1) + pad(tie, dim, 1, 0)
            given = given - pad(difference, dim, 0, 1) + pad(difference, dim, 1, 0)
            pairs.append((dim, tie))
    if not pairs:  # a single pixel has no grain
        return image
    for _ in range(iterations):
        drawn = given
        for dim, tie in pairs:
            length = image.shape[dim]
            drawn = drawn + pad(tie * found.narrow(dim, 1, length - 1), dim, 0, 1)
            drawn = drawn + pad(tie * found.narrow(dim, 0, length - 1), dim, 1, 0)
        found = drawn / total
    return found


def gradient_length(image: Tensor) -> Tensor:
    """Return the length (B, 1, H, W) of the gradient of a picture (B, 3, H, W), over all channels."""
    squares = torch.zeros_like(image[:, :1])
    for dim in (-1, -2):
        steps = image.diff(dim=dim).square().sum(1, keepdim=True) / 2
        squares = squares + pad(steps, dim, 0, 1) + pad(steps, dim, 1, 0)
    return squares.sqrt()


def pad(values: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Return values with zeros before and after along one of the last two dimensions."""
    return F.pad(values, (before, after) if dim == -1 else (0, 0, before, after))
