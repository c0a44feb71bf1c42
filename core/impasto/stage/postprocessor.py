"""Stages that refine a painted image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .base import Stage, check_result, missing_method, pictures_in_mask
from .canvas import Canvas, Style
from .memory import check_memory_of
from .regions import align_styles, composite, pictures_of, region_maps


class Postprocessor(Stage):
    """A stage that refines a painted image.  A subclass overrides `refine`, or `refine_regions`.

    Example:
        >>> import impasto
        >>> class Negative(impasto.Postprocessor, name="negative"):
        ...     '''Turn the painted picture into its negative.'''
        ...     def refine(self, image, content, styles):
        ...         return 1 - image
        >>> impasto.Pipeline(Negative())(impasto.samples.content("cat", 64)).size
        (43, 64)
    """

    kind = "postprocessor"

    def refine(self, image: Tensor, content: Tensor, styles: Sequence[Style]) -> Tensor:
        """Return the refined image (B, 3, H, W); `content` is the picture as the user gave it."""
        raise missing_method(self, self.refine)

    def refine_regions(self, image: Tensor, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the refined image; for methods that treat regions, or what lies inside the mask, by themselves.

        Args:
            image: (B, 3, H, W), as painted.
            content: (B, 3, H, W), as the user gave it.
            styles: their guides have the same K as `guides`.
            guides: (1 or B, K, H, W), where each region is inside the mask; None: everywhere.
        """
        return self.refine(image, content, styles)

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image refined, inside the mask only when there is one."""
        chosen = pictures_in_mask(self, canvas)
        if chosen is not None:
            done = self.apply(pictures_of(canvas, chosen))
            return canvas.replace(image=canvas.image.index_copy(0, chosen, done.image))
        check_memory_of(self, canvas.image)
        image, content, styles = canvas.image, canvas.content, align_styles(canvas)
        if type(self).refine_regions is Postprocessor.refine_regions:  # which looks at no regions
            refined = self.refine(image, content, styles)
        else:
            refined = self.refine_regions(image, content, styles, region_maps(canvas))
        refined = check_result(self, refined, image)
        return canvas.replace(image=composite(canvas.image, refined, canvas.mask))
