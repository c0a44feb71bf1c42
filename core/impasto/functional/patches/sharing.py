"""Several styles in one field: each paints its share of every region, at the least distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .field import NNF


def shared_field(fields: Sequence[NNF], shares: Tensor, guides: Tensor) -> NNF:
    """Return one field of one to each style, in which each style has its share of each region.

    Args:
        fields: of one picture, best matches only, each found with a list of sources; the result's `which` counts
            the sources of all, in order.
        shares: (S, K), how much of each region each of the styles paints, relative to the others.
        guides: (1, K, H, W), the regions of the picture; a position is of its strongest one.

    Example:
        >>> import torch
        >>> from impasto.functional.patches import nearest
        >>> query, styles = torch.rand(1, 4, 8, 8), [torch.rand(1, 4, 6, 6), torch.rand(1, 4, 9, 5)]
        >>> fields = [nearest(query, [style], patch=1) for style in styles]
        >>> shared_field(fields, torch.tensor([[3.0], [1.0]]), torch.ones(1, 1, 8, 8)).which.sum().item()
        16
    """
    if len(fields) == 1:
        return fields[0]
    distances = torch.cat([field.distances[:, 0] for field in fields])
    choice = distances.argmin(0)
    strength, label = guides[0].max(0)
    for region, region_shares in enumerate(shares.unbind(1)):
        here = (label == region) & (strength > 0)
        if here.any() and region_shares.sum() > 0:
            choice[here] = style_assignment(distances[:, here], region_shares / region_shares.sum())
    first, positions, which = 0, [], []
    for field in fields:
        assert field.which is not None
        positions.append(field.positions[:, 0])
        which.append(field.which[:, 0] + first)
        first += len(field.source_sizes)
    sizes = tuple(size for field in fields for size in field.source_sizes)
    at = choice[None, None]
    return NNF(
        torch.cat(positions).gather(0, at.expand(1, 2, -1, -1))[:, None],
        distances.gather(0, choice[None])[:, None],
        sizes[0],
        torch.cat(which).gather(0, choice[None])[:, None],
        sizes,
    )


def style_assignment(distances: Tensor, shares: Tensor, iterations: int = 20) -> Tensor:
    """Return which style each position takes, so that each has its share and the distances sum to the least.

    A style whose patches are a little further everywhere would never be seen.  So each gets a bonus on its
    distances, just large enough for its share: the dual of an assignment with capacities, one style at a time.

    Args:
        distances: (S, N), from each position to the nearest patch of each style.
        shares: (S,), of the N positions; sums to 1.
        iterations: over the styles, of which two need only one.

    Returns:
        (N,), numbers of styles.

    Example:
        >>> import torch
        >>> distances = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.5, 0.5]])
        >>> style_assignment(distances, torch.tensor([0.5, 0.5])).tolist()
        [0, 0, 1, 1]
    """
    count = distances.shape[1]
    bonus = torch.zeros_like(distances[:, :1])
    for style in [*range(len(distances))] * iterations:
        reduced = distances - bonus
        reduced[style] = math.inf
        behind = (distances[style] - reduced.amin(0)).sort().values
        count_of_style = round(float(shares[style]) * count)
        edges = torch.cat([behind[:1] - 1, behind, behind[-1:] + 1])
        bonus[style] = edges[count_of_style : count_of_style + 2].mean()
    return (distances - bonus).argmin(0)
