"""SOAP: quicker than Adam where gradients are correlated, and resumable."""

import copy

import pytest
import torch
from torch import nn

from impasto.optim import Soap


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def test_soap_descends_a_narrow_valley_faster_than_adam():
    inputs = torch.rand(64, 12) @ torch.diag(torch.logspace(0, -3, 12)) @ torch.rand(12, 12)
    truth = torch.randn(12, 3)

    def left(optimiser_of):
        layer = nn.Linear(12, 3)
        nn.init.zeros_(layer.weight)
        optimiser = optimiser_of(layer)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (layer(inputs) - inputs @ truth).square().mean()
            loss.backward()
            optimiser.step()
        return loss.item()

    assert left(lambda layer: Soap(layer, lr=0.01)) < 0.5 * left(
        lambda layer: torch.optim.Adam(layer.parameters(), lr=0.01)
    )


def test_soap_goes_on_from_its_state_to_the_bit():
    def step(layer, optimiser, seed):
        optimiser.zero_grad()
        layer(torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
        optimiser.step()

    layer = nn.Conv2d(3, 4, 3)
    optimiser = Soap(layer)
    for seed in range(12):
        step(layer, optimiser, seed)
    other = nn.Conv2d(3, 4, 3)
    other.load_state_dict(layer.state_dict())
    resumed = Soap(other)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for seed in range(12, 24):
        step(layer, optimiser, seed)
        step(other, resumed, seed)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)
