"""Pictures put together from the patches of an example, where guides say which patch belongs where."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..random import random_seed
from ..resizing import Size, size_of
from ..statistics import in_float32
from .field import NNF
from .search import nearest

COARSEST = 32
"""Pixels of the shorter side to begin at."""
GROWTH = 2
"""From level to level of the pyramid."""
PIECE = 4
"""Side of the pieces that the coarsest level begins with, in its pixels."""
LEAST = 1e-3
"""What a patch counts at least, so that a place which nothing fits is painted with something."""
TIES = 0.01
"""Strength of the noise that decides between places which the guides do not tell apart, such as those of one label."""
ITERATIONS = 4
"""Of PatchMatch in each round."""


@torch.no_grad()
@in_float32
def guided_synthesis(
    image: Tensor,
    image_guides: Tensor,
    guides: Tensor,
    *,
    guide_weight: float = 2.0,
    patch: int = 5,
    rounds: int = 3,
    start: NNF | None = None,
    radius: int = 32,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, NNF]:
    """Return a picture made of the patches of an image, each where the guides are as they are around it there.

    From coarse to fine, patches are matched by the guides and by the picture as it is so far, and laid over each other.

    Args:
        image: (1, C, h, w), whose patches are copied.
        image_guides: (1, K, h, w), any maps that say what lies where in it: colours, labels, edges, positions.
        guides: (1, K, H, W), the same maps of the picture that is wanted.
        guide_weight: how much the mean squared difference of the guides counts beside that of the picture.
        patch: side of the patches in pixels, odd.
        rounds: of matching and laying at each level.
        start: a field (H, W) that is nearly right: then only the finest level is worked on.
        radius: how far from its match so far one is varied, in pixels of each level.
        generator: of the random numbers; None: torch's default one.

    Returns:
        The picture (1, C, H, W) and the field that it was laid by.

    Raises:
        ValueError: shapes do not fit.

    A. Hertzmann et al. 2001, *Image Analogies*, asks for such a picture and paints it pixel after pixel; here all of it
    is improved at once, as in Y. Wexler, E. Shechtman, M. Irani 2007, *Space-Time Completion of Video*.

    Example:
        >>> import torch
        >>> image, left = torch.rand(1, 3, 32, 32), torch.arange(32.0).expand(1, 1, 32, 32) / 32
        >>> picture, field = guided_synthesis(image, left, left.flip(3))
        >>> picture.shape
        torch.Size([1, 3, 32, 32])
    """
    if size_of(image) != size_of(image_guides) or image_guides.shape[1] != guides.shape[1]:
        raise ValueError(
            f"guided_synthesis: image {tuple(image.shape)}, its guides {tuple(image_guides.shape)}, guides"
            f" {tuple(guides.shape)}\n  what would work: image_guides as large as the image, and as many guides of both"
        )
    own = torch.Generator("cpu").manual_seed(random_seed(generator))
    field = start
    picture = None if start is None else start.warp(image)
    for share in _shares(size_of(image), size_of(guides)) if start is None else (1.0,):
        source, source_guides, wanted = (_reduced(maps, share) for maps in (image, image_guides, guides))
        size, source_size = size_of(wanted), size_of(source)
        if field is None or picture is None:
            # Pieces of a few pixels each, so that what the guides do not tell apart begins as texture, not as noise.
            pieces = [_reduced(maps, 1 / PIECE) for maps in (wanted, source_guides)]
            noise = [
                torch.rand(1, 1, *size_of(maps), generator=own, device="cpu", dtype=torch.float32).to(maps) * TIES
                for maps in pieces
            ]
            begun = nearest(
                *(torch.cat(pair, 1) for pair in zip(pieces, noise, strict=True)),
                patch=1,
                metric="l2",
                generator=generator,
            )
            field = begun.upsample(size, source_size)
            picture = field.warp(source)
        elif size_of(picture) != size:
            field = field.upsample(size, source_size)
            picture = field.vote(source, patch)
        balance = (guide_weight / guides.shape[1]) ** 0.5, source.shape[1] ** -0.5
        there = torch.cat([source_guides * balance[0], source * balance[1]], 1)
        for _ in range(rounds):
            field = nearest(
                torch.cat([wanted * balance[0], picture * balance[1]], 1),
                there,
                patch=patch,
                metric="l2",
                method="patchmatch",
                start=field,
                radius=radius,
                around="match",
                iterations=ITERATIONS,
                generator=generator,
            )
            picture = field.vote(source, patch, field.confidence().clamp_min(LEAST))
    assert picture is not None
    assert field is not None
    return picture, field


def _shares(*sizes: Size) -> list[float]:
    """Return the sizes of the pyramid's levels as shares of the whole, coarse to fine."""
    shares = [1.0]
    while min(min(size) for size in sizes) * shares[0] / GROWTH >= COARSEST:
        shares.insert(0, shares[0] / GROWTH)
    return shares


def _reduced(maps: Tensor, share: float) -> Tensor:
    """Return maps at a share of their size, averaged."""
    if share == 1:
        return maps
    height, width = size_of(maps)
    return F.adaptive_avg_pool2d(maps, (max(1, round(height * share)), max(1, round(width * share))))
