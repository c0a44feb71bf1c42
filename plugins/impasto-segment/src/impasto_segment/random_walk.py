"""Random walks from strokes: the probability of which is met first (Grady 2006)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.segmentation import random_walker
from torch import Tensor

from impasto.functional.color import to_space
from impasto.functional.filters import guided_filter
from impasto.stage import interruptible

from .grabcut import as_array

WALKED = 384
"""Longer side, in pixels, that the walker works on; its probabilities are enlarged along the picture's edges."""


def random_walk(image: Tensor, seeds: NDArray[np.integer], beta: float = 2000.0) -> Tensor:
    """Return the probability that a walk from each pixel first meets a stroke of each kind (Grady 2006).

    Steps between neighbours have the weight exp(−β‖zₘ−zₙ‖²): the walker rarely crosses an edge.

    Args:
        image: (3, H, W), sRGB in [0, 1].
        seeds: (H, W), the strokes: 1 to K, 0 where there is none.
        beta: how rarely; in units of scikit-image, which divides by the picture's spread.

    Returns:
        (K, H, W), which sum to 1.

    Raises:
        ValueError: there are strokes of fewer than two kinds.

    Example:
        >>> import impasto, numpy as np
        >>> seeds = np.zeros((64, 96), np.uint8)
        >>> seeds[:, 0], seeds[32, 40:56] = 1, 2
        >>> random_walk(impasto.samples.content("coffee", 96)[0], seeds).shape
        torch.Size([2, 64, 96])
    """
    kinds = int(seeds.max())
    if kinds < 2 or any(not (seeds == kind).any() for kind in range(1, kinds + 1)):
        raise ValueError("strokes of two kinds or more are needed")
    marked = torch.from_numpy(np.stack([seeds == kind for kind in range(1, kinds + 1)])).float()
    height, width = seeds.shape
    scale = min(1.0, WALKED / max(height, width))
    small = (max(1, round(scale * height)), max(1, round(scale * width)))
    kept = F.adaptive_max_pool2d(marked, small).numpy() > 0
    kept[1:] &= ~np.logical_or.accumulate(kept)[:-1]  # a pixel with two strokes is the first one's
    coarse = np.where(kept.any(0), kept.argmax(0) + 1, 0)
    colours = to_space(F.interpolate(image[None], small, mode="area"), "lab")[0]
    if (coarse > 0).all():
        found = kept.astype(float)
    else:
        # Solved directly: with weights as far apart as these, conjugate gradients take a hundred times longer.
        options = {"beta": beta, "mode": "bf", "return_full_prob": True, "channel_axis": -1}
        found = interruptible(lambda: random_walker(as_array(colours), coarse, **options))
    maps = torch.from_numpy(found).float().clamp(0, 1)[None]
    maps = maps / maps.sum(1, keepdim=True)
    if scale < 1:
        large = F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)
        maps = guided_filter(large, image[None].cpu(), 2 * round(1 / scale), 1e-4).clamp_min(1e-6)
        maps = torch.where(marked.any(0), marked[None], maps / maps.sum(1, keepdim=True))
    return maps[0].to(image.device)
