"""Whitening and colouring, and the swapping of patches, as functions of tensors.  All in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from impasto.functional import statistics
from impasto.functional.patches import nearest
from impasto.networks import Part
from impasto.stage import remember

FLOOR = 1e-5
"""Directions with less than this share of the largest variance carry no signal: not whitened, not coloured."""


# --------------------------------------------------------------------------------------- whitening and colouring


def zca(content: Tensor, style: Tensor) -> Tensor:
    """Return S^½ C^-½ for covariances (B, C, C): whitened and coloured along the axes (Li et al. 2017)."""
    root = remember(style, "square root", partial(statistics.matrix_power, style, 0.5, FLOOR))
    return root @ statistics.matrix_power(content, -0.5, FLOOR)


def cholesky(content: Tensor, style: Tensor) -> Tensor:
    """Return L_S L_C⁻¹ of the triangular factors: the fastest map, and one that depends on the channels' order."""
    change: Tensor = torch.linalg.solve_triangular(factor(content), factor(style), upper=False, left=False)
    return change


def factor(covariance: Tensor) -> Tensor:
    """Return the Cholesky factor of covariances (B, C, C), lifted off zero by FLOOR of their largest variance."""
    lift = FLOOR * covariance.diagonal(dim1=1, dim2=2).amax(1).clamp_min(torch.finfo(torch.float32).tiny / FLOOR)
    # Rounding may leave an eigenvalue just below zero, the more so the more positions were summed.
    found: Tensor
    for _ in range(6):
        found, failed = torch.linalg.cholesky_ex(
            covariance + torch.diag_embed(lift[:, None].expand(covariance.shape[:2]))
        )
        if not failed.any():
            break
        lift = lift * 10
    return found


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
        content: (B, C, h, w), of any float type.
        style: (1 or B, C, h', w').
        content_area: (1 or B, 1, h, w), how much each position counts; None counts all alike.
        style_area: likewise, for the style.
        transform: which of the linear maps between the covariances: a key of `TRANSFORMS`.
        identity: to which covariance the identity is added first: "none", "content" or "both".

    Returns:
        Float32 features like the content's.

    Example:
        >>> import torch
        >>> moved = wct(torch.rand(1, 8, 16, 16), 2 + torch.randn(1, 8, 20, 12))
        >>> bool(moved.mean() > 1.5)
        True
    """
    return recoloured(content, content_area, [Part(style, style_area, 1.0)], transform, identity)


@statistics.in_float32
def recoloured(
    content: Tensor, area: Tensor | None, parts: Sequence[Part], transform: str = "zca", identity: str = "none"
) -> Tensor:
    """Return content features after the weighted mean of the maps to several styles (Li et al. 2017, 4.2)."""
    mean, spread = statistics.covariance(content, area)
    eye = torch.eye(content.shape[1], device=content.device)
    if identity != "none":
        spread = spread + eye
    change, goal = torch.zeros_like(spread), torch.zeros_like(mean)
    for part in parts:
        owner = (part.features, part.area)
        centre, shape = remember(owner, "covariance", partial(statistics.covariance, part.features, part.area))
        shape = shape + eye if identity == "both" else shape
        change = change + part.share * TRANSFORMS[transform](spread, shape)
        goal = goal + part.share * centre
    centred = content.float() - mean
    return (change @ centred.flatten(2)).view_as(centred) + goal


# ------------------------------------------------------------------------------------------------ style swap


def swap(content: Tensor, style: Tensor, style_area: Tensor | None = None, patch: int = 3) -> Tensor:
    """Return content features rebuilt from patches of the style: each from the one most like it.

    Args:
        content: (B, C, h, w), of any float type.
        style: (1 or B, C, h', w').
        style_area: (1 or B, 1, h', w'), patches with something of it in their middle may be used; None: all.
        patch: side of the patches in positions, odd.

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
    return nearest(content, style, patch=patch, source_mask=style_area).vote(style, patch)
