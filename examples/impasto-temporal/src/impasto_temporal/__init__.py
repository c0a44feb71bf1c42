"""Painted frames that hold still where the film stands still."""

from typing import ClassVar

import torch.nn.functional as F

import impasto
from impasto.stage import current_run


class Temporal(impasto.Postprocessor, name="temporal"):
    """Blend each painted frame with the one before, where the film stands still."""

    stateful: ClassVar[bool] = True

    strength: float = impasto.param(default=0.8, low=0, high=0.98, help="share of the frame before where all is still")
    tolerance: float = impasto.param(default=0.06, low=0.001, high=1, help="change of the film that counts as motion")

    def refine(self, image, content, styles):
        previous = current_run().frame.previous
        if previous is None:  # the first frame, a cut, or no stream at all
            return image
        change = (content - previous.content).abs().mean(1, keepdim=True)
        change = F.avg_pool2d(change, 5, stride=1, padding=2, count_include_pad=False)
        still = (1 - change / self.tolerance).clamp(0, 1)
        return image.lerp(previous.painted, self.strength * still)


@impasto.hookimpl
def impasto_postprocessors():
    return [Temporal]
