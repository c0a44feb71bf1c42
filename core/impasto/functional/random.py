"""Random numbers from a generator of one's own, or from torch's default one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def random_seed(generator: torch.Generator | None = None, below: int = 2**62) -> int:
    """Return a seed drawn at random, for generators that make the same numbers again and again.

    Args:
        generator: what it is drawn from, on any device; None: torch's default one of the CPU.
        below: 1 more than the largest seed.

    Example:
        >>> import torch
        >>> random_seed(torch.Generator().manual_seed(1)) == random_seed(torch.Generator().manual_seed(1))
        True
    """
    device = "cpu" if generator is None else generator.device
    return int(torch.randint(below, (), generator=generator, device=device))


@contextmanager
def seeded_layers(seed: int) -> Iterator[None]:
    """Have layers that are made on the CPU begin with the same random weights for the same seed.

    Layers draw from torch's default generator, which goes on afterwards as if nothing had happened; those of other
    devices are left alone.

    Args:
        seed: of the weights.

    Example:
        >>> import torch
        >>> with seeded_layers(3):
        ...     one = torch.nn.Linear(2, 2)
        >>> with seeded_layers(3):
        ...     other = torch.nn.Linear(2, 2)
        >>> torch.equal(one.weight, other.weight)
        True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
