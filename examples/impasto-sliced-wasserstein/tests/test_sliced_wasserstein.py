import pytest
import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_sliced_wasserstein import sliced_wasserstein


@parametrize_checks("sliced-wasserstein", of="statistic")
def test_sliced_wasserstein(statistic, check):
    check(statistic)


def test_of_one_channel_it_is_the_distance_of_the_sorted_values():
    style, other = torch.rand(2, 1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    statistic = sliced_wasserstein(style)
    found = statistic.distance(statistic.measure(other, None), statistic.measure(style, None))
    style, other = style.flatten().sort().values, other.flatten().sort().values
    assert found.item() == pytest.approx(((other - style).square().sum() / style.square().sum()).item(), rel=1e-4)


def test_gatys_imitates_it():
    seen = []

    class Watch:
        @impasto.hookimpl
        def impasto_step(self, losses):
            seen.append(losses["style"].item())

    pipe = impasto.Pipeline.parse("gatys:statistic=sliced-wasserstein:encoder=slim19:steps=15:init=content:coarsest=64")
    pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64), plugins=[Watch()])
    assert seen[-1] < 0.6 * seen[0]
