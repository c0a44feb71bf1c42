"""SOAP: quicker than Adam where gradients are correlated, and resumable."""

import copy

import pytest
import torch
from torch import nn

from impasto.optim import Soap, soap


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


@pytest.mark.parametrize("factors", ["matrix", "tensor"])
def test_soap_descends_a_narrow_valley_faster_than_adam(factors):
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

    assert left(lambda layer: Soap(layer, lr=0.01, factors=factors)) < 0.5 * left(
        lambda layer: torch.optim.Adam(layer.parameters(), lr=0.01)
    )


@pytest.mark.parametrize("factors", ["matrix", "tensor"])
def test_soap_goes_on_from_its_state_to_the_bit(factors):
    def step(layer, optimiser, seed):
        optimiser.zero_grad()
        layer(torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
        optimiser.step()

    layer = nn.Conv2d(3, 4, 3)
    optimiser = Soap(layer, factors=factors)
    for seed in range(12):
        step(layer, optimiser, seed)
    other = nn.Conv2d(3, 4, 3)
    other.load_state_dict(layer.state_dict())
    resumed = Soap(other, factors=factors)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for seed in range(12, 24):
        step(layer, optimiser, seed)
        step(other, resumed, seed)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)


def test_a_tensor_of_three_dimensions_is_turned_along_each_and_back():
    x = torch.randn(4, 5, 9)
    bases = [torch.linalg.qr(torch.randn(side, side))[0] for side in x.shape]
    found = soap.turned(x, bases)
    torch.testing.assert_close(found, torch.einsum("oip,oa,ib,pc->abc", x, *bases))
    torch.testing.assert_close(soap.turned(found, [basis.mT for basis in bases]), x)
