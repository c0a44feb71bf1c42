"""Checks of stages that paint all regions in one pass, and of those that paint large pictures in tiles."""

from __future__ import annotations

import warnings
from unittest import SkipTest

import torch
from torch import Tensor

from ..networks import small_tiles
from ..pipeline import Pipeline
from ..stage import Stage, Style, Stylizer
from .harness import (
    ODD_SIZE,
    SEED,
    Inputs,
    mean_difference,
    observe,
    picture,
    preceding_stages,
    repeatable_baseline,
    require,
    works,
)

SIDE = 24
"""Pixels of the kit's tiles, of which its pictures hold six."""
TILE_TOLERANCE = 8 / 255
"""Largest difference allowed between a picture in tiles and whole; whitening the few positions of the kit's pictures
makes 2 steps of 8 bits of rounding, and faults make ten times as many."""
SPILL = 0.6
"""Share of a region's change that another region may change by its style: networks look across borders."""
LEAST_CHANGE = 0.02
"""Mean change by another style below which random numbers, or steps that are few, outweigh it."""


def each_region_has_its_own_style(stage: Stage) -> None:
    """Another style for the region on the right changes the picture there, and little of it on the left."""
    if not (isinstance(stage, Stylizer) and stage.regional):
        raise SkipTest("does not say that it is regional, and the host paints its regions")
    if preceding_stages():
        raise SkipTest("has its regions from the stages before it")
    repeatable_baseline(stage)
    with works("painting two regions, each with a style", "guides (1 or B, K, H, W), and for each style its own"):
        first, second = (_two_regions(stage, variant) for variant in (0.3, 1.0))
    third = first.shape[-1] // 3
    left, right = (mean_difference(first[..., part], second[..., part]) for part in (slice(third), slice(-third, None)))
    if max(left, right) < LEAST_CHANGE:
        raise SkipTest("changes too little by another style, on the kit's small pictures, to tell where")
    require(
        left <= SPILL * right,
        f"another style for the region on the right changes the picture there by {right:.2g} on average, and by"
        f" {left:.2g} on the left",
        "for each region the styles that cover it: style_summaries and stylize_features, map_by_region or"
        " region_masks of impasto.networks; or regional left out, and the host paints region by region",
    )


def _two_regions(stage: Stage, variant: float) -> Tensor:
    """Return the picture with one style for the left half, and one of a variant for the right half."""
    inputs = Inputs.of_odd_size(stage, 0.5)
    height, width = inputs.content.shape[-2:]
    left = (torch.arange(width) < width // 2).float().expand(1, 1, height, width).clone()
    smallest = max(48, getattr(stage, "smallest", 1))
    styles = [
        Style(picture(smallest, smallest, 0.7), region="left"),
        Style(picture(smallest, smallest, variant), region="right"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        painted = Pipeline(stage)(
            inputs.content,
            styles,
            guides={"left": left, "right": 1 - left},
            device="cpu",
            precision="float32",
            seed=SEED,
        )
    return painted.tensor


def tiles_equal_the_whole(stage: Stage) -> None:
    """A picture in small tiles is the picture painted whole, to rounding."""
    whole = repeatable_baseline(stage)
    if not whole.tiled:
        raise SkipTest("does not paint in the tiles of impasto.networks")
    with works("painting in tiles", "what tile_grid gives, each tile with its context"), small_tiles(SIDE):
        tiled = observe(stage, Inputs.of_odd_size(stage, 0.0, 1.0)).image
    largest = float((tiled - whole.image).abs().max())
    size = f"{ODD_SIZE[1]}×{ODD_SIZE[0]}"
    require(
        largest <= TILE_TOLERANCE,
        f"a picture of {size} in tiles of {SIDE} pixels differs by up to {largest:.2g} from the one painted whole",
        "a summary whose pieces + puts together as the whole, and a map that looks at one position at a time and does"
        " not mind rounding",
    )
