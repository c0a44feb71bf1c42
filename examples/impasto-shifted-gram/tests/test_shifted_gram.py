import pytest
import torch

import impasto
from impasto.functional.losses import STATISTICS
from impasto.testing import parametrize_checks
from impasto_shifted_gram import shifted_gram


@parametrize_checks("shifted-gram", of="statistic")
def test_shifted_gram(statistic, check):
    check(statistic)


def test_it_sees_an_order_that_gram_matrices_do_not():
    stripes = torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0]).repeat(8).expand(1, 1, 64, 64)
    shuffled = stripes[..., torch.randperm(64, generator=torch.Generator().manual_seed(1))]

    def distance(statistic):
        return statistic.distance(statistic.measure(shuffled, None), statistic.measure(stripes, None)).item()

    assert distance(STATISTICS["gram"](stripes)) == pytest.approx(0)
    assert distance(shifted_gram(stripes)) > 0.02


def test_gatys_imitates_it():
    seen = []

    class Watch:
        @impasto.hookimpl
        def impasto_step(self, losses):
            seen.append(losses["style"].item())

    pipe = impasto.Pipeline.parse("gatys:statistic=shifted-gram:encoder=slim19:steps=15:init=content:coarsest=64")
    pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64), plugins=[Watch()])
    assert seen[-1] < 0.6 * seen[0]
