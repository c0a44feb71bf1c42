"""Solvers, against NumPy's."""

import numpy as np
import pytest
import torch

from impasto.functional.solvers import conjugate_gradients, solve_symmetric


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def positive(size, rng):
    """A symmetric positive definite matrix."""
    root = torch.randn(size, size, generator=rng, dtype=torch.float64)
    return root @ root.mT + 0.1 * torch.eye(size, dtype=torch.float64)


def test_small_systems_at_every_pixel_are_numpys(rng):
    matrix = torch.stack([positive(3, rng) for _ in range(20)]).view(4, 5, 3, 3)
    right = torch.randn(3, 1, 2, 4, 5, generator=rng, dtype=torch.float64)
    lower = [[matrix[..., i, j][None, None] for j in range(i + 1)] for i in range(3)]
    found = torch.stack(solve_symmetric(lower, list(right)))
    expected = np.linalg.solve(matrix.numpy(), right[:, 0].permute(2, 3, 0, 1).numpy())
    np.testing.assert_allclose(found[:, 0].permute(2, 3, 0, 1), expected, rtol=1e-8)


@pytest.mark.parametrize("norm", ["residual", "energy"])
def test_maps_of_a_batch_are_each_solved_to_the_limit(rng, norm):
    matrix = positive(12, rng)
    right = torch.randn(2, 3, 3, 4, generator=rng, dtype=torch.float64) * torch.tensor([1.0, 1e-3]).view(2, 1, 1, 1)

    def operator(maps):
        return (maps.flatten(2) @ matrix).view_as(maps)

    limit = torch.full((2, 3, 1, 1), 1e-9, dtype=torch.float64)
    start = torch.zeros_like(right)
    found = conjugate_gradients(operator, lambda r: r, start, right, limit, norm=norm, steps=60)
    assert found.excess <= 1
    expected = np.linalg.solve(matrix.numpy(), right.flatten(2).flatten(0, 1).T.numpy()).T
    # Small systems are as exact as their limit, not as the largest of the batch.
    np.testing.assert_allclose(found.values.flatten(2).flatten(0, 1), expected, atol=1e-4 if norm == "energy" else 1e-7)


def test_a_search_that_is_given_up_says_how_far_it_is(rng):
    matrix = positive(12, rng)
    right = torch.randn(1, 1, 3, 4, generator=rng, dtype=torch.float64)
    limit = torch.full((1, 1, 1, 1), 1e-9, dtype=torch.float64)
    found = conjugate_gradients(
        lambda maps: (maps.flatten(2) @ matrix).view_as(maps), lambda r: r, 0 * right, right, limit, steps=2
    )
    assert found.excess > 1


def test_what_is_solved_from_the_start_stays_to_the_bit(rng):
    start = torch.randn(1, 1, 3, 4, generator=rng)
    limit = torch.ones(1, 1, 1, 1)
    found = conjugate_gradients(lambda maps: maps, lambda r: r, start, torch.zeros_like(start), limit)
    assert found.excess == 0
    assert torch.equal(found.values, start)
