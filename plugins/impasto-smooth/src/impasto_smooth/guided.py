"""The guided filter as a stage."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from impasto import Postprocessor, Style, param
from impasto.functional.color import luma
from impasto.functional.filters import guided_filter


class GuidedSmooth(Postprocessor, name="guided-smooth"):
    """Smooth the painted image where the content is smooth, along its edges (He, Sun and Tang 2013)."""

    style = "ignored"

    radius: int = param(default=8, low=1, high=1000, help="reach of the smoothing to each side, in pixels")
    eps: float = param(
        default=1e-3,
        low=1e-6,
        high=10,
        help="variance of the content (values in [0, 1]) below which it counts as smooth; more blurs edges",
    )
    guide: str = param(
        default="colour",
        choices=("colour", "grey"),
        help="follow edges of the content's colours, or of its luminance alone, which is faster",
    )
    subsample: int | None = param(
        default=None,
        low=1,
        high=64,
        help="fit on a grid this many times coarser: 1 is exact, none takes radius / 4, which looks alike",
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the smoothed image in the result")

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the image smoothed along the content's edges."""
        guide = content
        if self.guide == "grey":
            guide = luma(content)
        # A quarter of the radius is what He and Sun 2015 recommend.
        subsample = max(1, self.radius // 4) if self.subsample is None else self.subsample
        smooth = guided_filter(image, guide, self.radius, self.eps, subsample)
        return smooth if self.strength == 1 else image.lerp(smooth, self.strength)
