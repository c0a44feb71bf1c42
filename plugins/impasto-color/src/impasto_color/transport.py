"""Transfer of whole colour distributions by sliced optimal transport (Pitié et al. 2007)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import param
from impasto.functional.color import from_space, to_space
from impasto.functional.precision import in_double

from .grain import regrain
from .recoloring import Recolor, Reference

SAMPLES = 65536
"""Colours that the transport is learned from; pictures with fewer pixels count each several times."""
BLOCKS = 2048
"""Quantiles told apart along an axis."""
KNOTS = 1024
"""Entries of the table by which colours are moved along an axis."""
CHUNK = 1 << 16
"""Pixels moved at once on the CPU: their colours stay in the processor's cache from one step to the next."""


@dataclass(frozen=True)
class Step:
    """One step of the transport: three axes, and how far colours move along each, by where they are on it."""

    axes: Tensor
    """(3, 3), orthonormal rows."""
    low: Tensor
    """(B, 3, 1), where the table begins."""
    scale: Tensor
    """(B, 3, 1), entries of the table per unit."""
    shifts: Tensor
    """(B, 3, 1024)."""

    def __call__(self, colors: Tensor) -> Tensor:
        """Return colours (B or 1, 3, N) after this step."""
        place = (self.axes @ colors - self.low).mul_(self.scale).clamp_(0, KNOTS - 1)
        left = place.floor().clamp_max_(KNOTS - 2)
        table, index = self.shifts.expand(len(place), -1, -1), left.long()
        start = table.gather(-1, index)
        shift = torch.lerp(start, table.gather(-1, index.add_(1)), place.sub_(left))
        return colors + self.axes.T @ shift


def sample_colors(values: Tensor, weights: Tensor | None, order: Tensor) -> Tensor:
    """Return colours drawn from pictures, evenly over what counts.

    Args:
        values: (B, 3, H, W).
        weights: (B or 1, 1, H, W), how much each position counts; all alike if none does.
        order: (N,) in [0, 1), from low to high, where to draw in the picture read line by line.

    Returns:
        (B, 3, N).
    """
    flat = values.flatten(2)
    if weights is None:
        return flat[..., (order * flat.shape[-1]).long().clamp_max(flat.shape[-1] - 1).to(flat.device)]
    # In float64 on the CPU: a running sum over millions of pixels needs the digits.
    shares = in_double(weights.flatten(1)).cpu()
    shares = torch.where(shares.sum(1, keepdim=True) > 0, shares, 1.0).cumsum(1)
    place = torch.searchsorted(shares, in_double(order) * shares[:, -1:], right=True).clamp_max(shares.shape[1] - 1)
    index = place.to(flat.device)[:, None].expand(-1, 3, -1)
    size = max(len(index), len(flat))
    return flat.expand(size, -1, -1).gather(-1, index.expand(size, -1, -1))


def quantiles(values: Tensor) -> Tensor:
    """Return the least of values (…, 65536), the means of 2048 equal parts of them in order, and the greatest."""
    ordered = values.sort(-1).values
    parts = ordered.view(*ordered.shape[:-1], BLOCKS, -1).mean(-1)
    return torch.cat([ordered[..., :1], parts, ordered[..., -1:]], -1)


def random_rotation(generator: torch.Generator | None = None) -> Tensor:
    """Return a rotation (3, 3) drawn from all alike (Haar); without a generator, by torch's own random numbers."""
    orthogonal, lengths = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator, device="cpu"))
    rotation: Tensor = orthogonal * lengths.diagonal().sign()
    return rotation.float()


def interpolate(places: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Return the piecewise linear function through (knots, values), all (B, 3, …), at some places.

    Where several knots coincide the function jumps, and its value there is the middle of the jump.
    """
    total = torch.zeros_like(places)
    for right in (False, True):
        above = torch.searchsorted(knots, places, right=right).clamp(1, knots.shape[-1] - 1)
        start, end = knots.gather(-1, above - 1), knots.gather(-1, above)
        part = ((places - start) / (end - start).clamp_min(1e-12)).clamp(0, 1)
        total += torch.lerp(values.gather(-1, above - 1), values.gather(-1, above), part)
    return total / 2


def transport_steps(
    source: Tensor,
    references: Sequence[Tensor],
    shares: Sequence[float],
    iterations: int,
    relaxation: float,
    generator: torch.Generator | None = None,
) -> list[Step]:
    """Return the steps that take one distribution of colours to the average of others.

    Args:
        source: (B, 3, 65536) colours.
        references: (B or 1, 3, 65536) colours each; their quantiles are averaged along every axis.
        shares: of the references; they add up to 1.
        iterations: steps.
        relaxation: share of the way made in each step.
        generator: of the random axes, on the CPU; None draws from torch's own.
    """
    steps = []
    for _ in range(iterations):
        axes = random_rotation(generator).to(source.device)
        have = quantiles(axes @ source)
        want = torch.zeros_like(have)
        for one, share in zip(references, shares, strict=True):
            want += share * quantiles(axes @ one)
        low, high = have[..., :1], have[..., -1:]
        ruler = torch.linspace(0, 1, KNOTS, device=source.device, dtype=torch.float32)
        places = torch.lerp(low, high, ruler)
        shifts = relaxation * (interpolate(places, have, want) - places)
        step = Step(axes, low, (KNOTS - 1) / (high - low).clamp_min(1e-6), shifts)
        source = step(source)
        steps.append(step)
    return steps


def apply_steps(values: Tensor, steps: Sequence[Step]) -> Tensor:
    """Return colours (B, 3, H, W) after all steps."""
    if not steps:
        return values
    chunk = CHUNK if values.device.type == "cpu" else 64 * CHUNK
    parts = []
    for part in torch.split(values.flatten(2), chunk, dim=-1):
        for step in steps:
            part = step(part)
        parts.append(part)
    return torch.cat(parts, -1).view(-1, *values.shape[1:])


def transfer_distribution(
    image: Tensor,
    references: Sequence[Tensor],
    shares: Sequence[float] | None = None,
    *,
    iterations: int = 20,
    relaxation: float = 1.0,
    weights: Tensor | None = None,
    reference_weights: Sequence[Tensor | None] | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Give a picture the whole distribution of colours of another, by iterative transfer (Pitié et al. 2007).

    Each step turns the space of colours at random, and along each of the three axes moves colours so that
    their histogram becomes the reference's.

    Args:
        image: (B, 3, H, W), in any colour space.
        references: (B or 1, 3, h, w) each, in the same space, of any size.
        shares: of several references, whose quantiles are averaged along each axis; None: all alike.
        iterations: steps.
        relaxation: share of the way made in each step; less than 1 is slower and smoother.
        weights: (B or 1, 1, H, W), how much each position of the image counts.
        reference_weights: likewise, for each reference.
        generator: of the random numbers, on the CPU; None draws from torch's own.

    Returns:
        (B, 3, H, W), not clipped.

    Example:
        >>> import torch
        >>> dark, light = torch.rand(1, 3, 16, 16) / 2, torch.rand(1, 3, 15, 9) / 2 + 0.5
        >>> moved = transfer_distribution(dark, [light])
        >>> torch.allclose(moved.mean((2, 3)), light.mean((2, 3)), atol=0.01)
        True
    """
    masks = reference_weights or [None] * len(references)
    order = (
        torch.arange(SAMPLES, device="cpu")
        + torch.rand(SAMPLES, generator=generator, dtype=torch.float32, device="cpu")
    ) / SAMPLES
    targets = [sample_colors(one, mask, order) for one, mask in zip(references, masks, strict=True)]
    source = sample_colors(image, weights, order)
    source = source.expand(max([len(source), *map(len, targets)]), -1, -1)
    portions = [1 / len(targets)] * len(targets) if shares is None else shares
    return apply_steps(image, transport_steps(source, targets, portions, iterations, relaxation, generator))


class TransferDistribution(Recolor, name="transfer-distribution"):
    """Give the image all the colours of the styles, as often as they occur, or the other way round (Pitié 2007)."""

    iterations: int = param(default=20, low=1, high=200, help="random turns of the space of colours")
    relaxation: float = param(default=1.0, low=0.05, high=1, help="share of the way that colours go in each turn")
    space: str = param(default="rgb", choices=("rgb", "lab", "lalphabeta"), help="colour space in which colours move")
    regrain: bool = param(default=True, help="keep the picture's own grain, which new colours may make coarse")

    def recolor(self, image: Tensor, area: Tensor | None, references: Sequence[Reference]) -> Tensor:
        """Return the picture with the colours of the references."""
        transported = transfer_distribution(
            to_space(image, self.space),
            [to_space(one.image, self.space) for one in references],
            [one.share for one in references],
            iterations=self.iterations,
            relaxation=self.relaxation,
            weights=area,
            reference_weights=[one.weights for one in references],
            generator=self.generator("cpu"),
        )
        recolored = from_space(transported, self.space)
        return regrain(recolored.clamp(0, 1), image.expand_as(recolored)) if self.regrain else recolored
