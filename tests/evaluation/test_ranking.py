"""Strengths are the most likely ones, with the errors of the theory."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from impasto.evaluation import bradley_terry


def test_two_are_apart_by_the_logarithm_of_their_odds():
    first, second = bradley_terry(torch.tensor([[0.0, 30.0], [10.0, 0.0]]))
    apart = math.log(30.5 / 10.5)
    error = math.sqrt(1 / 30.5 + 1 / 10.5)
    assert first.value - second.value == pytest.approx(apart)
    assert first.high - first.low == pytest.approx(2 * 1.96 * error / 2)  # each is half the difference


def test_strengths_of_many_are_the_most_likely_ones():
    wins = np.array([[0, 7, 9, 4.5], [3, 0, 6, 2], [1, 4, 0, 0], [5.5, 1, 0, 0]])
    counts = wins + 0.5 * (wins + wins.T > 0)

    def unlikeliness(strengths):
        return (counts * np.log1p(np.exp(strengths[None] - strengths[:, None]))).sum()

    best = minimize(unlikeliness, np.zeros(4), tol=1e-12).x
    found = [strength.value for strength in bradley_terry(torch.tensor(wins))]
    assert found == pytest.approx(best - best.mean(), abs=1e-4)


def test_one_who_always_won_is_strong_and_uncertain():
    first, _, last = bradley_terry(torch.tensor([[0.0, 5, 5], [0, 0, 5], [0, 0, 0]]))
    assert first.value > 1 > -1 > last.value
    assert math.isfinite(first.high)


def test_intervals_shrink_with_answers():
    few, many = (bradley_terry(k * torch.tensor([[0.0, 3, 2], [2, 0, 4], [3, 1, 0]]))[0] for k in (1, 100))
    assert (few.high - few.low) > 5 * (many.high - many.low)


def test_groups_that_never_met_have_no_ranks():
    with pytest.raises(ValueError, match="never compared"):
        bradley_terry(torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
