"""Optimisers of pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.optim import LBFGS, Adam


def picture(seed: int, height: int = 48, width: int = 64) -> Tensor:
    """Soft blobs around grey."""
    rng = torch.Generator().manual_seed(seed)
    blobs = torch.randn(1, 3, 6, 8, generator=rng)
    return (0.5 + 0.2 * torch.nn.functional.interpolate(blobs, (height, width), mode="bicubic")).clamp(0, 1)


def test_adam_is_torchs():
    start, target = picture(1), picture(2)
    ours, theirs = start.clone(), start.clone().requires_grad_()
    mine = Adam(0.02)
    reference = torch.optim.Adam([theirs], lr=0.02, betas=(0.9, 0.99), eps=1e-12)
    for _ in range(5):
        ours = mine.step(ours, 2 * (ours - target))
        theirs.grad = 2 * (theirs.detach() - target)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)


def test_lbfgs_solves_a_badly_scaled_valley():
    curvature = torch.logspace(0, 3, 3 * 16 * 16).view(1, 3, 16, 16)
    target = picture(3, 16, 16)
    image, optimiser = torch.full_like(target, 0.5), LBFGS()
    start = (curvature * (image - target).square()).sum()
    for _ in range(60):
        image = optimiser.step(image, 2 * curvature * (image - target))
    assert (curvature * (image - target).square()).sum() < 1e-3 * start
