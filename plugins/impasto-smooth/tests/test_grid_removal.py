import pytest
import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_smooth import Deblock, deblock


@parametrize_checks(Deblock(), Deblock(period=2, strength=0.5))
def test_conformance(stage, check):
    check(stage)


@pytest.fixture(scope="module")
def photo():
    return impasto.samples.content("coffee", 300)


def grid(period, height, width):
    """A grid of this period, with a mean of 0: a checkerboard, or lines where the period is longer than 4."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    half = period // 2
    board = ((x // half + y // half) % 2).float() if period <= 4 else ((x % period == 0) | (y % period == 0)).float()
    return 0.05 * (board - board.mean())[None, None]


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_loses_nine_tenths_of_its_energy(photo, period):
    pattern = grid(period, *photo.shape[-2:])
    left = deblock(photo + pattern) - deblock(photo)
    assert left.square().mean() < 0.1 * pattern.square().mean()


def test_a_clean_photograph_hardly_changes(photo):
    error = (deblock(photo) - photo).square().mean()
    assert -10 * torch.log10(error) > 45


def test_edges_of_the_picture_stay():
    edge = torch.full((1, 3, 64, 96), 0.1)
    edge[..., 47:] = 0.9
    assert (deblock(edge) - edge).abs().max() < 0.02


def test_each_picture_of_a_batch_and_any_size_are_taken(photo):
    pair = torch.cat([photo[..., :37, :53] + grid(4, 37, 53), photo[..., 60:97, 60:113]])
    both = deblock(pair)
    for index in range(2):
        torch.testing.assert_close(both[index : index + 1], deblock(pair[index : index + 1]), atol=1e-5, rtol=0)
    for size in ((1, 1), (1, 9), (3, 3)):
        assert torch.isfinite(deblock(torch.rand(1, 3, *size))).all()
