"""Linear maps by ridge regression, and the channels that predict the others."""

import torch

from impasto.networks import choose_channels


def test_the_chosen_channels_predict_the_others():
    basis = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    mixed = torch.cat([basis, basis[:, :1] + basis[:, 1:2], 0.01 * basis[:, 2:]], 1)
    chosen, scale = choose_channels(mixed, 3)
    flat = mixed[0].flatten(1)
    solution = torch.linalg.lstsq(flat[chosen].mT, flat.mT).solution
    assert torch.allclose(flat[chosen].mT @ solution, flat.mT, atol=1e-4)
    assert (scale > 0).all()
