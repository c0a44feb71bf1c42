"""Colour transfer between places that mean the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto.functional.filters import guided_filter
from impasto.functional.patches import NNF
from impasto.functional.resizing import size_of
from impasto.functional.statistics import in_float32
from impasto.networks import largest_stride

from .fields import both_fields, levels, matching_picture

COLORED = 3
"""How many levels, coarse to fine, colours are taken at; finer ones see fine contrast as colour, and take it away."""

Report = Callable[[int, int, Tensor, NNF, NNF], None]
"""Called after each level with its number from 1, the number of levels, the picture so far, and both fields."""


@in_float32
def color_transfer(content: Tensor, painted: Tensor, eps: float = 1e-3) -> Tensor:
    """Return the content in the colours of a painting of it, with its own detail.

    What the painting changed is made, around each pixel, a linear function of the content's colours, and added.

    Args:
        content: (B, 3, H, W).
        painted: (B, 3, H, W).
        eps: variance of the content below which a place counts as even.

    Returns:
        (B, 3, H, W), not clipped.
    """
    radius = max(1, max(size_of(content)) // 32)
    return content + guided_filter(painted - content, content, radius, eps)


@torch.no_grad()
def neural_color(
    a: Tensor,
    b_prime: Tensor,
    *,
    encoder: str = "slim19",
    size: int = 448,
    iterations: int = 3,
    guides: tuple[Tensor, Tensor] | None = None,
    report: Report | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return a picture in the colours of another one, taken from the places that mean the same.

    From coarse layers to fine, the picture is matched as it is recoloured so far, so that colours
    come to help.

    Args:
        a: (1, 3, H, W), sRGB in [0, 1], sides of 16 pixels or more.
        b_prime: (1, 3, h, w), likewise.
        encoder: name or path, as `impasto.encoder` takes it.
        size: longer side in pixels at which pictures are matched.
        iterations: of PatchMatch at each level.
        guides: as in `deep_analogy`.
        report: called after each level.
        generator: what PatchMatch draws its random numbers from; None: torch's default one.

    Returns:
        (1, 3, H, W), in [0, 1].

    He et al. 2017, Neural Color Transfer between Images.

    Example:
        >>> import impasto
        >>> cat = impasto.samples.content("cat", 96)
        >>> neural_color(cat, 1 - cat).shape
        torch.Size([1, 3, 64, 96])
    """
    vgg = impasto.encoder(encoder, device=a.device)
    colored = levels(vgg)[:COLORED]
    layers = [level.layer for level in colored]
    small, small_b = (matching_picture(picture, size, largest_stride(vgg, layers)) for picture in (a, b_prime))
    theirs = vgg.features(small_b, layers)
    current, change, fields = small, torch.zeros_like(small), None
    for step, level in enumerate(colored, 1):
        mine = vgg.features(current, [level.layer])[level.layer]
        fields = both_fields(mine.float(), theirs[level.layer].float(), level, fields, guides, iterations, generator)
        own, other = (
            F.adaptive_avg_pool2d(*pair) for pair in ((small, size_of(mine)), (small_b, fields[0].source_size))
        )
        change = fields[0].vote(other, level.patch) - own
        current = _with_change(small, change)
        if report is not None:
            report(step, len(colored), current, *fields)
    return current if small is a else _with_change(a, change)


def _with_change(picture: Tensor, change: Tensor) -> Tensor:
    """Return a picture recoloured by a change of its colours, which may be given more coarsely."""
    fine = F.interpolate(change, size_of(picture), mode="bilinear")
    return color_transfer(picture, picture + fine).clamp(0, 1)
