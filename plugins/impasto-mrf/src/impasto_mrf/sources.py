"""What patches are taken from: the styles, rotated and scaled, and pictures of random blocks of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Encoder, Style
from impasto.functional.patches import nearest
from impasto.functional.resizing import Size, resize

from .field import Source
from .layers import pixel_blocks, surface_layer, surface_side

ROTATION, SCALE = 180 / 24, 1.05
"""Degrees and ratio from one copy of a style to the next, as in Li and Wand's code."""
TINY = 1e-12


def patch_sources(
    encoder: Encoder, style: Style, layers: Sequence[str], patch: int, rotations: int, scales: int, surface: bool
) -> dict[str, list[Source]]:
    """Return where patches can be taken from a style picture and its rotated and scaled copies, by layer.

    Args:
        encoder: whose features they are.
        style: one picture, with guides (1, K, h, w).
        layers: shallow to deep.
        patch: side of the patches, which lie inside what may be matched.
        rotations: rotated copies to either side.
        scales: copies larger, and as many smaller.
        surface: whether the first layer is to know what lies under it.
    """
    sources: dict[str, list[Source]] = {layer: [] for layer in layers}
    assert style.guides is not None
    parts = torch.cat([style.image, style.guides], 1)
    shallowest = surface_layer(encoder)
    for step in range(-scales, scales + 1):
        height, width = (max(8, round(side * SCALE**step)) for side in parts.shape[-2:])
        scaled = resize(parts, (height, width))
        for turn in range(-rotations, rotations + 1):
            image, guides, inside = rotation(scaled, turn * ROTATION)
            features = encoder.features(image, list(dict.fromkeys([*([shallowest] if surface else []), *layers])))
            for layer in layers:
                maps = features[layer].float()
                size = (maps.shape[-2], maps.shape[-1])
                under = maps[:, :0]
                if surface and layer == layers[0]:
                    under = pixel_blocks(features[shallowest].float(), surface_side(encoder, layer))
                regions = F.adaptive_avg_pool2d(guides, size)
                presence = regions.sum(1, keepdim=True) / regions.sum(1).amax().clamp_min(TINY)
                known = F.adaptive_avg_pool2d(inside, size) > 1 - 1e-6
                valid = erosion((known & (presence >= 0.5)).float(), patch)
                sources[layer].append(Source(maps, under, F.normalize(regions, dim=1), valid))
    return sources


def erosion(valid: Tensor, patch: int) -> Tensor:
    """Return where (1, 1, h, w) whole patches are valid; where only some of each is, `valid` itself."""
    whole = 1 - F.max_pool2d(1 - valid, patch, 1, patch // 2)
    return whole if whole.any() else valid


def rotation(parts: Tensor, degrees: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return a picture and its guides (1, 3 + K, h, w), rotated about the middle, and where nothing is made up."""
    inside = torch.ones_like(parts[:, :1])
    if degrees:
        height, width = parts.shape[-2:]
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        matrix = parts.new_tensor([[[cos, -sin * height / width, 0], [sin * width / height, cos, 0]]])
        grid = F.affine_grid(matrix, [1, 1, height, width], align_corners=False)
        parts = F.grid_sample(parts, grid, "bicubic", "reflection", align_corners=False).clamp(0, 1)
        inside = F.grid_sample(inside, grid, "nearest", "zeros", align_corners=False)
    return parts[:, :3], parts[:, 3:], inside


def random_blocks(
    styles: Sequence[Style],
    guides: Tensor,
    guide_weight: float,
    size: Size,
    block: int = 8,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return a picture (1, 3, h, w) of random blocks of the styles, each from the region that it comes to.

    Args:
        styles: each one picture, with guides (1, K, ·, ·).
        guides: (1, K, H, W), the regions of the picture.
        guide_weight: see `Field`.
        size: of the picture.
        block: side of the blocks, in pixels.
        generator: what they are drawn from, on the styles' device; None: torch's default one.
    """
    grid = (-(-size[0] // block), -(-size[1] // block))
    blocks, regions = [], []
    for style in styles:
        assert style.guides is not None
        blocks.append(pixel_blocks(style.image, block))
        regions.append(F.normalize(F.avg_pool2d(style.guides, block), dim=1))
    # The nearest of random vectors is one at random, but of those that the guides allow.
    noise = [torch.empty_like(maps[:, :8]).normal_(generator=generator) for maps in blocks]
    query = noise[0].new_empty(1, 8, *grid).normal_(generator=generator)
    here = F.normalize(F.adaptive_avg_pool2d(guides, grid), dim=1)
    nnf = nearest(
        query,
        noise,
        patch=1,
        query_guides=here,
        source_guides=regions,
        guide_weight=4 * guide_weight,
        generator=generator,
    )
    return F.pixel_shuffle(nnf.warp(blocks), block)[..., : size[0], : size[1]]
