"""The descent: the sizes of its levels, and going on after a stop."""

from itertools import pairwise

import pytest
import torch

from impasto.optim import LBFGS, Adam, Average, Descent, descend, pyramid


def test_a_pyramid_grows_by_the_root_of_two_to_the_given_size():
    sizes = pyramid(384, 512, 128)
    assert sizes[0] == (96, 128)
    assert sizes[-1] == (384, 512)
    assert all(b[1] / a[1] == pytest.approx(2**0.5, rel=0.01) for a, b in pairwise(sizes))
    assert pyramid(100, 100, 4096) == [(100, 100)]
    assert min(pyramid(64, 2048, 128)[0]) >= 32


@pytest.mark.parametrize("optimiser", [LBFGS, lambda: Adam(0.05)], ids=["l-bfgs", "adam"])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_descent_that_was_stopped_goes_on_to_the_bit(optimiser, seed):
    target = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))

    generator = None

    def objective_at(size):
        goal = torch.nn.functional.interpolate(target, size)

        def objective(image):
            noise = torch.empty_like(goal).uniform_(generator=generator)
            return {"distance": (image - goal - 0.1 * noise).square().mean()}

        return objective

    def run(stop_at, state=None):
        nonlocal generator
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        torch.manual_seed(3)
        start = torch.full((1, 3, 12, 16), 0.5)
        descent = Descent(start, optimiser(), Average(0.9, start), generator=generator)
        if state is not None:
            # At the second level the picture has its size, and L-BFGS starts anew.
            descent.restore(state)

        def after(descent, losses):
            if (descent.level, descent.step) == stop_at:
                raise KeyboardInterrupt

        try:
            return descend(descent, [(12, 16), (24, 32)], 4, objective_at, after)
        except KeyboardInterrupt:
            return descent.state()

    whole = run(None)
    for stop_at in ((0, 2), (1, 3)):
        assert torch.equal(run(None, run(stop_at)), whole)
