"""Seams between overlapping blocks: the cuts of least error."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def minimum_cut(errors: Tensor) -> Tensor:
    """Return the path of least total error from the first row to the last, by dynamic programming.

    Args:
        errors: (N, L, O); the path has one place in each of the L rows, at most one further left or right than
            in the row before.

    Returns:
        (N, L), the place in each row, 0 to O - 1.

    Example:
        >>> import torch
        >>> minimum_cut(torch.tensor([[[9.0, 1.0, 9.0], [9.0, 9.0, 0.0]]])).tolist()
        [[1, 2]]
    """
    totals = [errors[:, 0]]
    for row in errors.unbind(1)[1:]:
        totals.append(row + F.pad(totals[-1], (1, 1), value=math.inf).unfold(1, 3, 1).amin(2))
    places = torch.arange(errors.shape[2], device=errors.device)
    path = [totals[-1].argmin(1)]
    for total in reversed(totals[:-1]):
        near = (places - path[-1][:, None]).abs() <= 1
        path.append(total.where(near, math.inf).argmin(1))
    return torch.stack(path[::-1], 1)


def seam(
    old: Tensor,
    new: Tensor,
    overlap: int,
    above: Tensor,
    left: Tensor,
    below: Tensor | None = None,
    right: Tensor | None = None,
) -> Tensor:
    """Return where blocks show: within the cuts of least error through what they share with those before them.

    Args:
        old: (N, 3, b, b), what lies where the blocks go.
        new: (N, 3, b, b), the blocks.
        overlap: pixels that a block shares with the one above and with the one on the left.
        above: (N,) of bool, whether there is a block above.
        left: (N,) of bool, whether there is one on the left.
        below: (N,) of bool, whether there is one below, which shares as much; None: there is none.
        right: (N,) of bool, likewise on the right.

    Returns:
        (N, 1, b, b) of bool.
    """
    if below is not None and right is not None and overlap:
        turned = seam(old.flip(2, 3), new.flip(2, 3), overlap, below, right)
        return seam(old, new, overlap, above, left) & turned.flip(2, 3)
    if not overlap:
        return torch.ones_like(old[:, :1], dtype=torch.bool)
    errors = (old - new).square().sum(1)
    # A cut from left to right is one from top to bottom of the transposed block.
    cuts = minimum_cut(torch.cat([errors[..., :overlap], errors.mT[..., :overlap]]))
    right_of, below = (torch.arange(old.shape[-1], device=old.device) >= cuts[..., None]).chunk(2)
    return ((right_of | ~left[:, None, None]) & (below.mT | ~above[:, None, None]))[:, None]
