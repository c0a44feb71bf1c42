"""Systems with the matting Laplacian: pictures that vary where a photograph does, and closed-form matting.

Both are systems (L + W) x = W t, solved by conjugate gradients with a multigrid of the Laplacian's own: some
twenty steps, where the diagonal as preconditioner needs hundreds to thousands.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ..precision import in_double
from ..solvers import conjugate_gradients
from .laplacian import EPS, MattingLaplacian
from .multigrid import Multigrid

STEPS = 300
"""Steps of the solver after which it gives up, with a warning."""


def screened(laplacian: MattingLaplacian, weight: Tensor, target: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Return the maps x with the least xᵀLx + Σ weight (x − target)²: (L + W) x = W target.

    Args:
        laplacian: of pictures (B, 3, H, W); in its precision the system is solved.
        weight: (B or 1, 1, H, W), 0 or more, how much each pixel is held to the target: the data term.
        target: (B, C, H, W).
        tolerance: root mean square of the error at which to stop, the mean weighted by `weight`; what is held by
            weight 0 needs a smaller one.  It is an estimate, good to a factor of two in photographs.

    Returns:
        (B, C, H, W) like the target.  A UserWarning says if the tolerance was not reached.

    Example:
        >>> import impasto, torch
        >>> photo = impasto.samples.content("cat", 48)
        >>> noisy = (photo + 0.1 * torch.randn_like(photo)).clamp(0, 1)
        >>> clean = screened(MattingLaplacian(photo), torch.full_like(photo[:, :1], 1e-3), noisy)
        >>> bool((clean - photo).abs().mean() < 0.5 * (noisy - photo).abs().mean())
        True
    """
    if not laplacian.affinities:
        return target.clone()
    with torch.autocast(target.device.type, enabled=False):
        found = target.to(laplacian.diagonal).contiguous()
        weight = weight.to(found)
        multigrid = Multigrid(laplacian.float(), weight.float())
        limit = tolerance**2 * weight.expand(len(found), -1, -1, -1).sum((-2, -1), keepdim=True)
        solution = conjugate_gradients(
            lambda maps: laplacian(maps) + weight * maps,
            lambda residual: multigrid(residual.float()).to(found),
            found,
            -laplacian(found),
            limit,
            # With the exact inverse this is the error's energy, no less than Σ weight error².
            norm="energy",
            steps=STEPS,
        )
    if solution.excess > 1:
        warnings.warn(
            f"after {STEPS} steps the matting Laplacian is solved to {solution.excess**0.5 * tolerance:.1g} only, "
            f"not to {tolerance:g}\n  what would work: a larger eps, or a smaller picture",
            stacklevel=2,
        )
    return solution.values.to(target)


def closed_form_matting(image: Tensor, trimap: Tensor, eps: float = EPS, known: float = 100.0) -> Tensor:
    """Return how much of each pixel belongs to a figure whose inside and outside are roughly known (Levin et al. 2008).

    Args:
        image: (B, 3, H, W) float32 in [0, 1].
        trimap: (B or 1, 1, H, W): 1 inside the figure, 0 outside, anything between where it is not known.
        eps: variance of colour below which a window counts as flat.
        known: how much the known pixels are held, the λ of the paper.

    Returns:
        (B, 1, H, W) in [0, 1]; the known pixels as given.

    Example:
        >>> import torch
        >>> photo = torch.zeros(1, 3, 8, 12)
        >>> photo[..., 5:] = 1
        >>> trimap = torch.full((1, 1, 8, 12), 0.5)
        >>> trimap[..., :2], trimap[..., -2:] = 0, 1
        >>> closed_form_matting(photo, trimap)[0, 0, 4].round().tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    trimap = trimap.expand(len(image), -1, -1, -1).to(image)
    sure = (trimap == 0) | (trimap == 1)
    # What is far from all that is known is weakly constrained: float32 would keep three digits of it.
    found = screened(MattingLaplacian(in_double(image), eps), known * sure, trimap, tolerance=2e-8)
    return torch.where(sure, trimap, found.clamp(0, 1))
