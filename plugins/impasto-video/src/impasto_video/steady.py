"""Painted clips that hold still: what was painted before is carried along the motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional import box_mean
from impasto.functional.flow import WORKING_SIDE, inside, optical_flow, warp
from impasto.stage import current_run

TOLERANCE = 0.15
"""Difference of the film along its motion at which the motion is no longer believed."""
GRAIN, SURROUNDINGS = 1, 8
"""Pixels to each side: what counts as fine detail, and around what place its strength is compared."""
NEARBY = 2
"""Pixels to each side within which a pixel finds one that stands out as it does."""
MOST_SHARPENING = 1.5
"""Of fine detail in a frame; what a chain of frames loses in one is little."""
FLAT, FINE = 1e-4, 1e-6
"""Variances below which a place is flat: for what a painting keeps of its film, and for fine detail."""


class Steady(Postprocessor, name="steady"):
    """Hold a painted clip still: carry strokes along the film's motion, and renew them slowly.

    After N. Bonneel et al. 2015 (blind temporal consistency) and the warping of M. Ruder et al. 2016, without a network
    and for any stylizer.
    """

    stateful: ClassVar[bool] = True
    style: ClassVar = "ignored"

    consistency: float = param(
        default=0.9, low=0, high=1, help="share of what was painted before; 0 flickers as painted, 1 renews nothing"
    )
    flow_size: int = param(
        default=WORKING_SIDE, low=64, high=4096, help="longer side in pixels at which motion is looked for"
    )

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the frame with the strokes of those before it, where the film's motion can be trusted."""
        memory = current_run().frame.memory
        before = memory.get("frames")  # empty in the first frame, after a cut and outside a stream
        steady = image
        if before is not None and self.consistency and before[0].shape == image.shape:
            steady = self._carried(image, content, *before)
        memory["frames"] = (steady, content)
        return steady

    def _carried(self, image: Tensor, content: Tensor, held: Tensor, film: Tensor) -> Tensor:
        flow = optical_flow(content, film, self.flow_size)
        held, film = warp(torch.cat([held, film], 1), flow).chunk(2, 1)
        change = content - film
        # Where the film looks as it did, the motion is right, or does no harm; the way back is not looked for.
        believed = (1.2 - box_mean(change.abs().mean(1, keepdim=True), GRAIN) / TOLERANCE).clamp(0, 1)
        believed = believed * inside(flow)
        # What changes in the film besides motion, such as its light, changes in the painting as far as this follows it.
        held = held + likeness(image, content) * change
        return with_detail_of(image, image.lerp(held, self.consistency * believed)).clamp(0, 1)


def likeness(painted: Tensor, content: Tensor) -> Tensor:
    """Return how far a painting has the film's own detail, place by place: its squared correlation.

    Args:
        painted: (B, 3, H, W).
        content: (B, 3, H, W).

    Returns:
        (B, 1, H, W): 1 where nothing is painted, near 0 where strokes have taken the detail's place.

    Example:
        >>> import torch
        >>> film = torch.rand(1, 3, 16, 16)
        >>> bool((likeness(film, film) > 0.999).all())
        True
    """
    one, other = ((frames - box_mean(frames, 2 * GRAIN)).mean(1, keepdim=True) for frames in (painted, content))
    means = box_mean(torch.cat([one * other, one * one, other * other], 1), SURROUNDINGS)
    both, ours, theirs = (means[:, place : place + 1] for place in range(3))
    return ((both + FLAT) / ((ours * theirs).clamp_min(0).sqrt() + FLAT)).clamp(0, 1).square()


def with_detail_of(image: Tensor, blended: Tensor) -> Tensor:
    """Return a picture whose fine detail is as strong, around each place, as that of another.

    A blend of frames is softer than each of them, and a chain of blends softer still.

    Args:
        image: (B, 3, H, W), whose detail counts.
        blended: (B, 3, H, W), the softer one.

    Example:
        >>> import torch
        >>> sharp = torch.rand(1, 3, 32, 32)
        >>> soft = with_detail_of(sharp, 0.5 + 0.7 * (sharp - 0.5))
        >>> round((soft.std() / sharp.std()).item(), 1)
        1.0
    """
    wanted, smooth = image - box_mean(image, GRAIN), box_mean(blended, GRAIN)
    fine = blended - smooth
    strength = torch.cat([part.square().mean(1, keepdim=True) for part in (wanted, fine)], 1)
    means = box_mean(strength, SURROUNDINGS).clamp_min(0) + FINE
    fine = fine * (means[:, :1] / means[:, 1:]).sqrt().clamp(1, MOST_SHARPENING)
    # Through a long chain a pixel could grow into a speck: none stands out more than one nearby does as painted.
    most = wanted.abs().amax(1, keepdim=True)
    for across, down in ((0, NEARBY), (NEARBY, 0)):
        most = F.max_pool2d(most, (2 * down + 1, 2 * across + 1), stride=1, padding=(down, across))
    return smooth + fine.clamp(-most, most)
