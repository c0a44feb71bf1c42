"""Random numbers from a generator of one's own, or from torch's default one."""

from __future__ import annotations

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
