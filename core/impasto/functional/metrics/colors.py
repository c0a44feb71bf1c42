"""A metric of colours: how far a result's palette is from the style's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..color import to_space

CELLS = 6
"""Cells of each of red, green and blue, in which colours are counted."""


def color_palette(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the colours of a picture and how often each occurs: means in CIELAB of cells of the sRGB cube.

    Args:
        image: (1, 3, H, W) in [0, 1].

    Returns:
        Colours (K, 3) in CIELAB, and their shares (K,), which sum to 1; K is at most 216.

    Example:
        >>> colors, shares = color_palette(torch.ones(1, 3, 4, 4))
        >>> colors.round().abs(), shares
        (tensor([[100.,   0.,   0.]]), tensor([1.]))
    """
    pixels = image.float().clamp(0, 1)[0].flatten(1)
    steps = (pixels * CELLS).long().clamp(max=CELLS - 1)
    cells = (steps[0] * CELLS + steps[1]) * CELLS + steps[2]
    counts = torch.bincount(cells, minlength=CELLS**3)
    there = counts > 0
    lab = 100 * to_space(image.float().clamp(0, 1), "lab")[0].flatten(1).mT.double()
    sums = lab.new_zeros(len(counts), 3).index_add_(0, cells, lab)
    return (sums[there] / counts[there, None]).float(), counts[there] / counts.sum()


def palette_distance(result: Tensor, style: Tensor) -> Tensor:
    """Return the earth mover's distance of the colours from the style's, in CIELAB (Rubner et al. 2000).

    How far each pixel's colour has to move on the average (ΔE of 1976) for the colours to be the style's, wherever
    they lie in the picture.  Colours are counted in cells, see `color_palette`.

    Args:
        result: (B, 3, H, W) in [0, 1].
        style: (B or 1, 3, h, w) in [0, 1], of any size.

    Returns:
        (B,), in ΔE: 2 is about what one sees.

    Example:
        >>> palette_distance(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)).round()
        tensor([100.])
    """
    pairs = zip(result[:, None], style.expand(len(result), -1, -1, -1)[:, None], strict=True)
    found = [_earth_movers(*color_palette(one), *color_palette(other)) for one, other in pairs]
    return torch.tensor(found, dtype=torch.float32, device=result.device)


def _earth_movers(colors: Tensor, shares: Tensor, others: Tensor, other_shares: Tensor) -> float:
    """Return the least mean distance that shares (K,) at colours (K, 3) move to become others (L,), (L, 3)."""
    from scipy import sparse  # type: ignore[import-untyped]  # half a second, and only here
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    cost = torch.cdist(colors.double(), others.double()).cpu().numpy()
    rows, columns = cost.shape
    # Every share leaves whole, and all but one arrive whole: the last follows, and rounding cannot contradict.
    leaving = sparse.kron(sparse.eye(rows), np.ones((1, columns)))
    arriving = sparse.kron(np.ones((1, rows)), sparse.eye(columns)).tocsr()[:-1]
    amounts = np.concatenate([shares.double().cpu().numpy(), other_shares.double().cpu().numpy()[:-1]])
    found = linprog(cost.ravel(), A_eq=sparse.vstack([leaving, arriving]).tocsr(), b_eq=amounts, method="highs")
    return float(found.fun)
