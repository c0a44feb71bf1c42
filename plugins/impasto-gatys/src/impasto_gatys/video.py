"""Gatys' optimisation of a clip: each frame begins with the last one's strokes, and a loss keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from impasto import Encoder, Style, param
from impasto.functional.flow import film_alike, optical_flow, trusted, warp
from impasto.functional.resizing import Size
from impasto.stage import current_run

from .objective import Scene, Term
from .transfer import Gatys

DISTANCES = (1, 2, 4, 8)
"""How many frames ago a frame is held to: the last one, and where that did not show a place, earlier ones."""


class GatysVideo(Gatys, name="gatys-video"):
    """Paint a clip by optimisation, frame after frame held to those before (Ruder et al. 2016).

    A picture alone, and the first frame of a shot, are painted as by `gatys`.
    """

    stateful: ClassVar[bool] = True

    consistency_weight: float = param(
        default=20.0, low=0, high=1e6, help="weight of the squared difference from the frames before, along the motion"
    )
    steps_after: int = param(
        default=20, low=1, high=100_000, help="steps of each frame after a shot's first, which begins from the last one"
    )

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint a frame, and keep it for those after it."""
        painted = super().stylize(content, styles, guides)
        memory = current_run().frame.memory
        memory["frames"] = [*memory.get("frames", []), (content, painted)][-max(DISTANCES) :]
        return painted

    def carried(self, content: Tensor) -> Tensor | None:
        """Return the strokes of the frames before, where they are now, and how far that is trusted."""
        frames = current_run().frame.memory.get("frames", [])
        frames = [frames[-distance] for distance in DISTANCES if distance <= len(frames)]
        if not frames or frames[0][0].shape != content.shape or not self.consistency_weight:
            return None
        return long_term(content, frames)

    def plan(self, size: Size, carried: Tensor | None) -> tuple[list[Size], int]:
        """Return one level where there are strokes to begin with."""
        return super().plan(size, carried) if carried is None else ([size], self.steps_after)

    def start(self, scene: Scene, size: Size) -> Tensor:
        """Return the last frame's strokes, and in new places what a picture alone begins with."""
        begun = super().start(scene, size)
        small = scene.resized(size)
        if small.carried is None:
            return begun
        return begun + small.carried[:, 3:] * (small.carried[:, :3] - begun)

    def terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return what is minimised of a picture, and its difference from what was painted before."""
        terms = super().terms(encoder, scene)
        if scene.carried is None:
            return terms
        loss = partial(consistency_loss, carried=scene.carried)
        return [*terms, Term("consistency", None, self.consistency_weight, loss)]


def long_term(content: Tensor, frames: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return what earlier frames painted, where it is now, each place from the latest frame that shows it.

    Args:
        content: (1, 3, H, W), the present frame.
        frames: earlier ones and what they were painted as, the latest first.

    Returns:
        (1, 4, H, W): colours, and how far they are trusted, 0 where no frame shows the place.

    Ruder et al. 2016: the weights of earlier frames are lessened by those of later ones, none below 0.

    Example:
        >>> import impasto
        >>> photo = impasto.samples.content("coffee", 96)
        >>> carried = long_term(photo, [(photo, 1 - photo)])
        >>> bool((carried[:, :3] - (1 - photo)).abs().mean() < 0.01)
        True
    """
    colors, share = torch.zeros_like(content), torch.zeros_like(content[:, :1])
    for film, painted in frames:
        back, forth = optical_flow(content, film), optical_flow(film, content)
        weight = (torch.minimum(film_alike(content, warp(film, back)), trusted(back, forth)) - share).clamp_min(0)
        colors, share = colors + weight * warp(painted, back).clamp(0, 1), share + weight
    return torch.cat([colors / share.clamp_min(torch.finfo(share.dtype).tiny), share], 1)


def consistency_loss(image: Tensor, carried: Tensor) -> Tensor:
    """Return the mean squared difference of a picture from what was painted before, where that is trusted.

    Args:
        image: (1, 3, H, W).
        carried: (1, 4, H, W), as of `long_term`.
    """
    return (carried[:, 3:] * (image - carried[:, :3]).square()).mean()
