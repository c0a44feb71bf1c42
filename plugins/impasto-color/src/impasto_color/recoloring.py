"""What the stages of this plugin share: whose colours go to whom, inside which regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import Canvas, ParameterError, Preprocessor, Style, param
from impasto.stage import Region, align_styles, check_coverage, check_mask, covered_regions, region_maps


@dataclass(frozen=True)
class Reference:
    """A picture (B or 1, 3, h, w) whose colours are to be reached, where it counts, and its share among several."""

    image: Tensor
    weights: Tensor | None = None
    share: float = 1.0


class Recolor(Preprocessor):
    """A stage that recolours the styles or the image, region by region.  A subclass overrides `recolor`."""

    target: str = param(
        default="style",
        choices=("style", "image"),
        help="what is recoloured: the styles, before painting; or the image, before or after it",
    )
    reference: str = param(
        default="auto",
        choices=("auto", "style", "content"),
        help="whose colours it gets: the styles', the content's as given, or auto: the styles' for the image,"
        " and for the styles those of the image so far",
    )
    strength: float = param(default=1.0, low=0, high=1, help="share of the recoloured picture in the result")

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if self.target == "style" and self.reference == "style":
            raise ParameterError(
                f"{self.name}: target='style' with reference='style' would give the styles their own colours\n"
                "  what would work: reference='content', or target='image'"
            )

    def recolor(self, image: Tensor, area: Tensor | None, references: Sequence[Reference]) -> Tensor:
        """Return a picture recoloured after the references.

        Args:
            image: (B, 3, H, W) sRGB.
            area: (B or 1, 1, H, W), the region whose colours count; what is done outside it is not used.
            references: one or several, whose shares add up to 1; none where `needs_reference` is false.

        Returns:
            (B, 3, H, W) sRGB; what is not in [0, 1] is clipped.
        """
        raise NotImplementedError

    @property
    def prepares(self) -> tuple[str, ...]:
        """The part that is recoloured."""
        return ("styles",) if self.target == "style" else ("image",)

    @property
    def needs_reference(self) -> bool:
        """Whether the colours come from a picture."""
        return True

    def restores_content(self) -> bool:
        """Return whether the image takes the content's own colours."""
        return self.needs_reference and self.target == "image" and self.reference == "content"

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its styles, or its image, recoloured."""
        check_mask(self, canvas)
        wanted = self.target == "style" or (self.needs_reference and self.reference != "content")
        if wanted:
            self.require_styles(canvas.styles)
        # Products of colours would round to bfloat16 inside an autocast region.
        with torch.autocast(canvas.image.device.type, enabled=False):
            styles = align_styles(canvas)
            if self.target == "image":
                return canvas.replace(image=self._image(canvas, styles))
            images = [self._style(style, canvas) for style in styles]
        pairs = zip(canvas.styles, images, strict=True)
        return canvas.replace(styles=tuple(style.replace(image=image) for style, image in pairs))

    def _style(self, style: Style, canvas: Canvas) -> Tensor:
        """Return a style's picture with the colours of the image, each region with those of its own."""
        if not self.needs_reference:
            return self._join(style.image, None, {0: ()})
        giver = canvas.content if self.reference == "content" else canvas.image
        if style.guides is None or canvas.guides is None:
            return self._join(style.image, style.guides, {0: [Reference(giver, canvas.mask)]})
        # A region that the content does not have is never painted: its part of the style stays as it is.
        references = {region.index: [Reference(giver, region.area)] for region in covered_regions(region_maps(canvas))}
        return self._join(style.image, style.guides, references)

    def _image(self, canvas: Canvas, styles: Sequence[Style]) -> Tensor:
        """Return the image with the colours of the styles or of the content, region by region."""
        areas = region_maps(canvas)
        if not self.needs_reference:
            return self._join(canvas.image, canvas.mask, {0: ()})
        if self.reference == "content":
            references = {region.index: [Reference(canvas.content, region.area)] for region in covered_regions(areas)}
            return self._join(canvas.image, areas, references)
        if all(style.guides is None for style in styles):
            areas = canvas.mask  # regions of one side alone do not say whose colours they get
        check_coverage(self, areas, styles, canvas.labels, intended=any(style.region for style in canvas.styles))
        references = {region.index: _references(styles, region) for region in covered_regions(areas, styles)}
        return self._join(canvas.image, areas, references)

    def _join(self, image: Tensor, areas: Tensor | None, references: Mapping[int, Sequence[Reference]]) -> Tensor:
        """Return a picture with the areas that have references recoloured, joined along soft edges."""

        def recolored(area: Tensor | None, own: Sequence[Reference]) -> Tensor:
            return image.lerp(self.recolor(image, area, own).clamp(0, 1), self.strength)

        if areas is None:
            return recolored(None, references[0])
        total, share = torch.zeros_like(image), torch.zeros_like(areas[:, :1])
        for region in covered_regions(areas):
            if region.area is not None and region.index in references:
                total = total + recolored(region.area, references[region.index]) * region.area
                share = share + region.area
        return torch.where(share > 0, total + image * (1 - share).clamp_min(0), image)


def _references(styles: Sequence[Style], region: Region) -> list[Reference]:
    """Return the parts of the styles that cover a region, by their weights."""
    own = zip((styles[place] for place in region.styles), region.shares, strict=True)
    return [
        Reference(style.image, None if style.guides is None else style.guides[:, [region.index]], share)
        for style, share in own
    ]
