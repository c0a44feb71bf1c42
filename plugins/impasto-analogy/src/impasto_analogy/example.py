"""Image analogies by example: a pair of pictures shows what is to be done to a third."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

import impasto
from impasto import StageError, Style
from impasto.functional.batches import batch_item
from impasto.functional.color import from_space, to_space
from impasto.functional.filters import box_mean
from impasto.functional.patches import guided_synthesis
from impasto.functional.resizing import resize, size_of, size_text
from impasto.functional.statistics import mean_std

from .parts import Part, PartwiseStylizer

SMOOTHING = 1 / 64
"""Of a painting's shorter side: the radius within which it is smoothed to stand for what was painted."""
PROPORTIONS = 0.02
"""How far the sides of both pictures of an example may be from the same proportions."""


def image_analogy(
    a: Tensor,
    a_prime: Tensor,
    b: Tensor,
    *,
    guide_weight: float = 2.0,
    patch: int = 5,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return B′ such that A is to A′ as B is to B′.

    Args:
        a: (1, K, h, w), any number of guide channels over A′: colours, labels, edges, depths, of like ranges.
        a_prime: (1, C, h, w), what became of A.
        b: (1, K, H, W), the same channels of the picture that is to become likewise.
        guide_weight: how much A and B count beside how well the patches of A′ go together.
        patch: side of the patches in pixels, odd.
        generator: of the random numbers; None: torch's default one.

    Returns:
        (1, C, H, W), of values that A′ has.

    Raises:
        ValueError: A and A′ are not of one size, or A and B have different numbers of channels.

    A. Hertzmann, C. E. Jacobs, N. Oliver, B. Curless, D. H. Salesin 2001, *Image Analogies*, SIGGRAPH.

    Example:
        >>> import impasto
        >>> cat, coffee = impasto.samples.content("cat", 96), impasto.samples.content("coffee", 96)
        >>> negative = image_analogy(cat, 1 - cat, coffee)
        >>> bool((negative - (1 - coffee)).abs().mean() < 0.1)
        True
    """
    return guided_synthesis(a_prime, a, b, guide_weight=guide_weight, patch=patch, generator=generator)[0]


class AnalogyByExample(PartwiseStylizer, name="analogy-by-example"):
    """Do to the content what was done to an example: A is to the style as the content is to the result.

    Image analogies (Hertzmann et al. 2001): a filter learnt from one pair, or texture by numbers.
    """

    smallest: ClassVar[int] = 16
    bytes_per_pixel: ClassVar[int] = 1300
    stroke: ClassVar[int] = 10

    example: str = impasto.param(
        reads=True,
        default="",
        help="picture that the style was made of: a photograph, a label map; empty: the style itself, smoothed",
    )
    colors: Literal["style", "content"] = impasto.param(
        default="style",
        choices=("style", "content"),
        help="whose colours the result has; of the content's, lightness alone is compared and painted",
    )
    guide_weight: float = impasto.param(
        default=2.0,
        low=0,
        high=1000,
        help="how much the content, and its regions, count beside how well strokes go together",
    )
    patch: int = impasto.param(default=5, low=3, high=15, help="side in pixels of the patches that are copied; odd")

    def check(self) -> None:
        """Refuse an even side."""
        super().check()
        if self.patch % 2 == 0:
            raise impasto.ParameterError(
                f"{self.name}: patch = {self.patch} is even, and a patch has a middle\n"
                f"  what to type: patch={self.patch + 1}"
            )

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the content painted as the example was."""
        if self.example and sum(bool(style.weight) for style in styles) > 1:
            raise StageError(
                f"{self.name}: example {self.example} belongs to one style, and there are {len(styles)}\n"
                "  what would work: one style; or example='', which compares each style, smoothed, with the content"
            )
        return super().stylize(content, styles, guides)

    def paint_part(
        self,
        result: Tensor,
        content: Tensor,
        index: int,
        part: Part,
        number: int,
        jobs: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the pictures done so far with one more painted, where one style paints."""
        b, a_prime = batch_item(content, index), batch_item(part.style.image, index)
        a = self._picture_before(part.style, a_prime, b)
        compared = b
        if self.colors == "content":
            a, a_prime, light = (to_space(picture, "lab")[:, :1] for picture in (a, a_prime, b))
            mean, std = mean_std(a)
            own_mean, own_std = mean_std(light)
            # As published: the example is as light as the content, and as rich in contrast.
            a, a_prime = ((values - mean) / std * own_std + own_mean for values in (a, a_prime))
            compared = light
        if part.guides is not None:
            mine, theirs = (batch_item(maps, index) for maps in part.guides)
            a, compared = torch.cat([a, theirs.to(a)], 1), torch.cat([compared, mine.to(a)], 1)
        painted = image_analogy(
            a, a_prime, compared, guide_weight=self.guide_weight, patch=self.patch, generator=generator
        )
        if self.colors == "content":
            painted = from_space(torch.cat([painted, to_space(b, "lab")[:, 1:]], 1), "lab").clamp(0, 1)
        done = batch_item(result, index) + batch_item(part.share, index) * (painted - b)
        result = torch.cat([result[:index], done, result[index + 1 :]])
        self.report(number + 1, jobs, result, {})
        return result

    def _picture_before(self, style: Style, a_prime: Tensor, content: Tensor) -> Tensor:
        """Return A (1, 3, h, w), as large as A′."""
        if not self.example:
            smooth = box_mean(a_prime, max(1, round(SMOOTHING * min(size_of(a_prime)))))
            mean, std = mean_std(smooth)
            own_mean, own_std = mean_std(content)
            return (smooth - mean) / std * own_std + own_mean
        image = impasto.read(self.example).visible.to(content.device)
        (height, width), (own_height, own_width) = size_of(image), size_of(a_prime)
        if abs(width / height / (own_width / own_height) - 1) > PROPORTIONS:
            raise StageError(
                f"{self.name}: example {self.example} is {size_text((height, width))} pixels and the style"
                f" {size_text((own_height, own_width))}, of other proportions\n"
                "  why: the style is what became of the example, place by place\n"
                "  what would work: both pictures of the pair, the first as example=, the second as the style"
            )
        return resize(image, size_of(a_prime))
