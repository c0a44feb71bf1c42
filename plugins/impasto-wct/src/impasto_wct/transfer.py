"""Whitening and colouring, and the swapping of patches, as functions of tensors.  All in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from impasto.functional import statistics
from impasto.functional.patches import nearest
from impasto.stage import remember

from .regions import StyleFeatures

FLOOR = 1e-5
"""Directions with less than this share of the largest variance carry no signal: not whitened, not coloured."""


# --------------------------------------------------------------------------------------- whitening and colouring


def zca(content: Tensor, style: Tensor) -> Tensor:
    """Return S^½ C^-½ for covariances (B, C, C): whitening and colouring along the axes (Li et al. 2017)."""
    root = remember(style, "square root", partial(statistics.matrix_power, style, 0.5, FLOOR))
    return root @ statistics.matrix_power(content, -0.5, FLOOR)


def cholesky(content: Tensor, style: Tensor) -> Tensor:
    """Return L_S L_C⁻¹ of the triangular factors: the fastest map, and one that depends on the channels' order."""
    matrix: Tensor = torch.linalg.solve_triangular(
        cholesky_factor(content), cholesky_factor(style), upper=False, left=False
    )
    return matrix


def cholesky_factor(covariance: Tensor) -> Tensor:
    """Return the Cholesky factor of covariances (B, C, C), lifted off zero by FLOOR of their largest variance."""
    lift = FLOOR * covariance.diagonal(dim1=1, dim2=2).amax(1).clamp_min(torch.finfo(torch.float32).tiny / FLOOR)
    # Rounding may leave an eigenvalue just below zero, the more so the more positions were summed.
    factor: Tensor
    for _ in range(6):
        factor, failed = torch.linalg.cholesky_ex(
            covariance + torch.diag_embed(lift[:, None].expand(covariance.shape[:2]))
        )
        if not failed.any():
            break
        lift = lift * 10
    return factor


TRANSFORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "zca": zca,
    "transport": statistics.transport,
    "cholesky": cholesky,
}


def wct(
    content: Tensor,
    style: Tensor,
    content_area: Tensor | None = None,
    style_area: Tensor | None = None,
    transform: str = "zca",
    identity: str = "none",
) -> Tensor:
    """Return content features with the mean and covariance of style features.

    Args:
        content: features (B, C, h, w), of any float type.
        style: features (1 or B, C, h', w').
        content_area: (1 or B, 1, h, w), how much each position counts; None: all alike.
        style_area: likewise, for the style.
        transform: which of the linear maps between the covariances: a key of `TRANSFORMS`.
        identity: to which covariance the identity is added first: "none", "content" or "both".

    Returns:
        Float32 features like the content's.

    Example:
        >>> import torch
        >>> features = wct(torch.rand(1, 8, 16, 16), 2 + torch.randn(1, 8, 20, 12))
        >>> bool(features.mean() > 1.5)
        True
    """
    return weighted_wct(content, content_area, [StyleFeatures(style, style_area, 1.0)], transform, identity)


@statistics.in_float32
def weighted_wct(
    content: Tensor,
    content_area: Tensor | None,
    styles: Sequence[StyleFeatures],
    transform: str = "zca",
    identity: str = "none",
) -> Tensor:
    """Return content features after the weighted mean of the maps to several styles (Li et al. 2017, section 4.2).

    Args:
        content: features (B, C, h, w), of any float type.
        content_area: (1 or B, 1, h, w), how much each position counts; None: all alike.
        styles: features, masks and shares.
        transform: see `wct`.
        identity: see `wct`.

    Returns:
        Float32 features like the content's.
    """
    mean, spread = statistics.covariance(content, content_area)
    eye = torch.eye(content.shape[1], device=content.device, dtype=torch.float32)
    if identity != "none":
        spread = spread + eye
    matrix, target_mean = torch.zeros_like(spread), torch.zeros_like(mean)
    for style in styles:
        owner = (style.features, style.mask)
        style_mean, style_spread = remember(
            owner, "covariance", partial(statistics.covariance, style.features, style.mask)
        )
        style_spread = style_spread + eye if identity == "both" else style_spread
        matrix = matrix + style.share * TRANSFORMS[transform](spread, style_spread)
        target_mean = target_mean + style.share * style_mean
    centred = content.float() - mean
    return (matrix @ centred.flatten(2)).view_as(centred) + target_mean


# ------------------------------------------------------------------------------------------------ style swap


def swap(
    content: Tensor,
    style: Tensor,
    style_area: Tensor | None = None,
    patch: int = 3,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return content features rebuilt from patches of the style: each from the one most like it.

    Args:
        content: features (B, C, h, w), of any float type.
        style: features (1 or B, C, h', w').
        style_area: (1 or B, 1, h', w'), patches whose middle has something of it may be used; None: all.
        patch: side of the patches in positions, odd.
        generator: what an approximate comparison draws its random numbers from; None: torch's default one.

    Returns:
        Float32 features like the content's, overlapping patches averaged: Chen and Schmidt 2016, section 3.1.
        Likeness is the normalised correlation; many patches are compared approximately, as `functional.nearest` says.

    Example:
        >>> import torch
        >>> features = torch.rand(1, 8, 12, 12)
        >>> torch.allclose(swap(features, features), features, atol=1e-5)
        True
    """
    content, style = content.float(), style.float()
    return nearest(content, style, patch=patch, source_mask=style_area, generator=generator).vote(style, patch)
