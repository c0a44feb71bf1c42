"""Whoever draws random numbers draws them from the generator that is passed, and from nowhere else."""

import pytest
import torch

from impasto.functional import losses
from impasto.functional.patches import nearest
from impasto.functional.random import random_seed

FEATURES = torch.randn(1, 4, 140, 150, generator=torch.Generator().manual_seed(0))


def measured(name):
    def draw(generator):
        make = losses.histogram if name == "histogram" else losses.STATISTICS[name]
        return torch.cat([part.flatten() for part in make(FEATURES, generator).measure(FEATURES, None)])

    return draw


DRAWN = {
    "seed": lambda generator: torch.tensor(random_seed(generator)),
    "patchmatch": lambda generator: (
        nearest(
            FEATURES[..., :30, :30], FEATURES[..., 20:50, :40], method="patchmatch", iterations=1, generator=generator
        ).positions
    ),
    "mmd-gaussian": measured("mmd-gaussian"),
    "histogram": measured("histogram"),
    "positions": lambda generator: losses.position_sample(FEATURES, None, 100, generator)[0],
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_generator_is_drawn_from_and_torchs_own_left_alone(name):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        before = torch.get_rng_state()
        own = DRAWN[name](torch.Generator().manual_seed(3))
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(DRAWN[name](torch.Generator().manual_seed(3)), own)
        assert not torch.equal(DRAWN[name](torch.Generator().manual_seed(4)), own)
        # Without one it is torch's, which gives the same bits from the same seed.
        torch.manual_seed(3)
        assert torch.equal(DRAWN[name](None), own)
