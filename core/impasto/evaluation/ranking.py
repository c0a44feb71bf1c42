"""Ranks from comparisons of two: the model of Bradley and Terry."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LIKELY = 1.96
"""Standard errors to either side within which 95 of a hundred lie."""


class Strength(NamedTuple):
    """How strong one of several is, in logits: 0 is the mean of all; 1 more wins 73 of a hundred."""

    value: float
    low: float
    high: float
    """Bounds of the 95 % interval."""


def bradley_terry(wins: Tensor, rounds: int = 100) -> list[Strength]:
    """Return how strong each is, by who was preferred to whom (Bradley and Terry 1952).

    The most likely strengths s, where i is preferred to j with the probability 1 / (1 + exp(sⱼ - sᵢ)), by Newton's
    method; their errors are from the Fisher information.  Each two that were compared count as if each had won half a
    time more, so that one who always won is not infinitely strong (Jeffreys' prior of two).

    Args:
        wins: (N, N), how often row was preferred to column; a tie is half a win of each.
        rounds: of Newton's method, at most.

    Raises:
        ValueError: two groups of which no member was compared with one of the other.

    Example:
        >>> [round(strength.value, 2) for strength in bradley_terry(torch.tensor([[0.0, 9.0], [1.0, 0.0]]))]
        [0.92, -0.92]
    """
    counts = wins.double()
    met = counts + counts.mT > 0
    together = torch.linalg.matrix_power(met.double() + torch.eye(len(counts)), len(counts)) > 0
    if not together.all():
        raise ValueError("some were never compared with the others, not even by way of a third")
    counts = counts + 0.5 * met
    games = counts + counts.mT
    strengths = counts.new_zeros(len(counts))
    mean = torch.full_like(counts, 1 / len(counts))
    for _ in range(rounds):
        likely = torch.sigmoid(strengths[:, None] - strengths)
        slope = (counts - games * likely).sum(1)
        spread = games * likely * (1 - likely)
        information = torch.diag(spread.sum(1)) - spread
        step = torch.linalg.solve(information + mean, slope)  # strengths sum to 0
        strengths = strengths + step
        if step.abs().max() < 1e-10:
            break
    errors = (torch.linalg.inv(information + mean) - mean).diagonal().clamp_min(0).sqrt()
    return [
        Strength(value, value - LIKELY * error, value + LIKELY * error)
        for value, error in zip(strengths.tolist(), errors.tolist(), strict=True)
    ]
