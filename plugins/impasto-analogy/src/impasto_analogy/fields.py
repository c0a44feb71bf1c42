"""Deep image analogy: the matches between two pictures, and each picture painted with the patches of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Encoder
from impasto.functional.patches import NNF, nearest
from impasto.functional.resizing import Size, fit_within, size_of
from impasto.networks import largest_stride, style_layers

from .deconvolution import deconvolution


@dataclass(frozen=True)
class Level:
    """How pictures are matched by one layer's features."""

    layer: str
    patch: int
    """Side of the patches that are compared, in positions."""
    radius: int | None
    """How far from where they are matches are varied at random, in positions; None: everything is searched."""


LEVEL_2 = (0.8, 0.7, 0.6, 0.1)
"""Shares of the picture's own features at relu4_1, relu3_1, relu2_1, relu1_1: the weaker of the two published sets.
Of another encoder, at layers whose positions are 8, 4, 2 and 1 pixels wide."""

LEVEL_3 = (0.9, 0.8, 0.7, 0.2)
"""The stronger published set, which keeps more of the picture's own structure."""

RESPONSE = 0.05
"""Of the strongest response; where a picture's features are weaker, it has no structure to keep."""

VOTE = 3
"""Side in pixels of the patches that are laid over each other in the end."""

SMALLEST = 16
"""Pixels a side must have for relu5_1 to leave something of it."""


@dataclass(frozen=True, eq=False)
class Analogy:
    """Two pictures in each other's looks, and the fields of matches that they were painted by."""

    a_prime: Tensor
    """(1, 3, H, W): what `a` shows, as `b_prime` looks."""
    b: Tensor
    """(1, 3, h, w): what `b_prime` shows, as `a` looks."""
    forward: NNF
    """For each pixel of `a` one of `b_prime`."""
    backward: NNF
    """For each pixel of `b_prime` one of `a`."""

    def inconsistency(self) -> Tensor:
        """Return how far from itself each pixel of `a` comes out after there and back, (1, 1, H, W), in pixels."""
        return self.forward.consistency(self.backward)


Report = Callable[[int, int, Analogy], None]
"""Called after each level with its number from 1, the number of levels, and the pictures so far."""


def levels(encoder: Encoder) -> tuple[Level, ...]:
    """Return how pictures are matched in an encoder's style layers, coarse to fine.

    The numbers are those of the authors' program, by how many pixels wide the positions of a layer are.

    Example:
        >>> [(level.layer, level.patch, level.radius) for level in levels(impasto.encoder("slim19"))]
        [('relu5_1', 3, None), ('relu4_1', 3, 6), ('relu3_1', 3, 6), ('relu2_1', 5, 4), ('relu1_1', 5, 4)]
    """
    found = [
        Level(layer, *((3, 6) if encoder.strides[layer] >= 4 else (5, 4))) for layer in reversed(style_layers(encoder))
    ]
    return (replace(found[0], radius=None), *found[1:])


def share_at(encoder: Encoder, layer: str, shares: Sequence[float]) -> float:
    """Return the share of a picture's own features at a layer, from those where positions are 8, 4, 2, 1 pixels wide.

    Example:
        >>> share_at(impasto.encoder("slim19"), "relu2_1", LEVEL_2)
        0.6
    """
    return shares[max(0, len(shares) - encoder.strides[layer].bit_length())]


@torch.no_grad()
def deep_analogy(
    a: Tensor,
    b_prime: Tensor,
    *,
    encoder: str = "slim19",
    weights: Sequence[float] = LEVEL_2,
    size: int = 448,
    steps: int = 10,
    iterations: int = 3,
    guides: tuple[Tensor, Tensor] | None = None,
    report: Report | None = None,
    generator: torch.Generator | None = None,
) -> Analogy:
    """Find A′ and B such that A is to A′ as B is to B′, for two pictures of the same kind of thing.

    Args:
        a: (1, 3, H, W), sRGB in [0, 1], sides of 16 pixels or more.
        b_prime: (1, 3, h, w), likewise.
        encoder: name or path, as `impasto.encoder` takes it.
        weights: shares of a picture's own features at relu4_1, relu3_1, relu2_1 and relu1_1, in [0, 1]; of another
            encoder, at layers whose positions are 8 pixels wide or more, 4, 2 and 1.
        size: longer side in pixels at which pictures are matched; the matches of larger ones are refined
            afterwards by relu1_1 alone.
        steps: of L-BFGS, when the features of the next layer are sought.
        iterations: of PatchMatch at each level.
        guides: maps of the same K regions over `a` (1, K, H, W) and `b_prime` (1, K, h, w); a region is
            matched with the like region only, and what no map marks with anything.
        report: called after each level.
        generator: what PatchMatch draws its random numbers from; None: torch's default one.

    Raises:
        ValueError: a picture too small for relu5_1, or weights of another number.

    Liao et al. 2017, Visual Attribute Transfer through Deep Image Analogy.

    Example:
        >>> import impasto
        >>> cat = impasto.samples.content("cat", 96)
        >>> found = deep_analogy(cat, cat.flip(3))
        >>> found.a_prime.shape
        torch.Size([1, 3, 64, 96])
    """
    if len(weights) != len(LEVEL_2):
        raise ValueError(
            f"there are {len(weights)} weights: {', '.join(f'{weight:g}' for weight in weights)}\n"
            f"  what would work: {len(LEVEL_2)}, for relu4_1, relu3_1, relu2_1 and relu1_1, such as {LEVEL_2}"
        )
    if guides is not None:
        # What only the second picture has may be matched with anything in the first.
        guides = guides[0], guides[1] * guides[0].flatten(2).any(2)[..., None, None]
    vgg = impasto.encoder(encoder, device=a.device)
    plan_of_levels = levels(vgg)
    layers = [level.layer for level in plan_of_levels]
    small, small_b = (matching_picture(picture, size, largest_stride(vgg, layers)) for picture in (a, b_prime))
    features, features_b = vgg.features(small, layers), vgg.features(small_b, layers)
    plan = [(level, features[level.layer].float(), features_b[level.layer].float()) for level in plan_of_levels]
    if small is not a or small_b is not b_prime:
        (own,), (own_b,) = (vgg.features(picture, layers[-1:]).values() for picture in (a, b_prime))
        plan.append((plan_of_levels[-1], own.float(), own_b.float()))
    fields: tuple[NNF, NNF] | None = None
    for step, (level, own, own_b) in enumerate(plan):
        if fields is None:
            other, other_b = own, own_b
        else:
            before, coarse, coarse_b = plan[step - 1]
            finer = partial(finer_features, encoder=vgg, layers=(level.layer, before.layer), steps=steps)
            share = share_at(vgg, level.layer, weights)
            other = weighted_features(own, finer(fields[0], own_b, coarse_b, size_of(own)), share)
            other_b = weighted_features(own_b, finer(fields[1], own, coarse, size_of(own_b)), share)
        fields = both_fields(
            matched_features(own, other),
            matched_features(other_b, own_b),
            level,
            fields,
            guides,
            iterations,
            generator,
        )
        analogy = Analogy(voted_picture(fields[0], a, b_prime), voted_picture(fields[1], b_prime, a), *fields)
        if report is not None:
            report(step + 1, len(plan), analogy)
    return analogy


def matching_picture(picture: Tensor, size: int, coarsest: int) -> Tensor:
    """Return a picture with a longer side of at most `size` pixels, and a shorter one of two coarsest positions."""
    return fit_within(picture, size, shortest=2 * coarsest)


def matched_features(a_like: Tensor, b_like: Tensor) -> Tensor:
    """Return what is matched: the features of both looks, those of each position scaled to length 1."""
    return torch.cat([F.normalize(a_like, dim=1), F.normalize(b_like, dim=1)], dim=1)


def both_fields(
    a: Tensor,
    b: Tensor,
    level: Level,
    start: tuple[NNF, NNF] | None,
    guides: tuple[Tensor, Tensor] | None,
    iterations: int,
    generator: torch.Generator | None = None,
) -> tuple[NNF, NNF]:
    """Return the matches of A in B and of B in A, searched from those of the coarser level on."""
    sizes = size_of(a), size_of(b)
    maps = (None, None) if guides is None else (coarse_guides(guides[0], sizes[0]), coarse_guides(guides[1], sizes[1]))
    fields = []
    for index, (query, source) in enumerate(((a, b), (b, a))):
        search = partial(
            nearest,
            query,
            source,
            patch=level.patch,
            query_guides=maps[index],
            source_guides=maps[1 - index],
            guide_weight=inf,
            generator=generator,
        )
        if start is None:
            fields.append(search())
            continue
        begun = start[index].upsample(sizes[index], sizes[1 - index])
        # As in the paper.  Kept near the start, the borders between its regions could not move, and the blocks of the
        # coarsest layer would show.
        fields.append(search(start=begun, iterations=iterations, radius=level.radius, around="match"))
    return fields[0], fields[1]


def coarse_guides(guides: Tensor, size: Size) -> Tensor:
    """Return guides (1, K, h, w) averaged down to coarser maps, in which no region is lost, however thin it is."""
    coarse = F.adaptive_avg_pool2d(guides, size)
    label = coarse.argmax(1)
    for region in range(guides.shape[1]):
        share = coarse[:, region]
        # Were it to win nowhere, its like in the other picture would have nothing to match.
        if share.any() and not ((label == region) & (share > 0)).any():
            share.view(-1)[share.argmax()] = 2
    return coarse


def finer_features(
    field: NNF, source: Tensor, coarse: Tensor, size: Size, *, encoder: Encoder, layers: tuple[str, str], steps: int
) -> Tensor:
    """Return finer features of the look that matches at a coarser layer give.

    Args:
        field: the matches at the coarser layer.
        source: (1, c, h, w), the finer features of the picture that is matched to.
        coarse: (1, C, …), its coarser ones.
        size: of the finer features of the picture that is painted.
        encoder: in which the coarser layer follows from the finer one.
        layers: the finer and the coarser one; where they are the same, or the encoder cannot say what follows from
            which, there is nothing to solve for.
        steps: of the deconvolution.
    """
    start = field.upsample(size, size_of(source)).vote(source, 3)
    deeper = getattr(encoder, "deeper", None)
    if layers[0] == layers[1] or deeper is None:
        return start
    return deconvolution(field.warp(coarse), start, partial(deeper, layer=layers[0], deeper=layers[1]), steps)


def weighted_features(own: Tensor, other: Tensor, weight: float) -> Tensor:
    """Return the other look's features, with a share of the picture's own ones where those respond."""
    energy = own.square().sum(1, keepdim=True)
    responds = energy > RESPONSE * energy.amax((-2, -1), keepdim=True)
    return other + weight * responds * (own - other)


def voted_picture(field: NNF, picture: Tensor, source: Tensor) -> Tensor:
    """Return what a field makes of its source, as large as the picture, overlapping patches averaged."""
    return field.upsample(size_of(picture), size_of(source)).vote(source, VOTE)
