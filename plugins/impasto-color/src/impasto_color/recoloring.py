"""What the stages of this plugin share: whose colours go to whom, inside which regions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import Canvas, ParameterError, Preprocessor, StageError, Style, param
from impasto.stage import align_styles, check_mask, covers, region_maps


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

    def __post_init__(self) -> None:
        super().__post_init__()
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
            references: one or several, whose shares add up to 1; none where `asks` is false.

        Returns:
            (B, 3, H, W) sRGB; what is not in [0, 1] is clipped.
        """
        raise NotImplementedError

    @property
    def asks(self) -> bool:
        """Whether the colours come from a picture."""
        return True

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its styles, or its image, recoloured."""
        check_mask(self, canvas)
        wanted = self.target == "style" or (self.asks and self.reference != "content")
        if wanted and not canvas.styles:
            raise StageError(f"{self.name}: needs a style picture\n  what to type: pipe(content, style)")
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
        if not self.asks:
            return self._join(style.image, None, [()])
        giver = canvas.content if self.reference == "content" else canvas.image
        if style.guides is None or canvas.guides is None:
            return self._join(style.image, style.guides, [[Reference(giver, canvas.mask)]])
        areas = region_maps(canvas)
        assert areas is not None
        # A region that the content does not have is never painted: its part of the style stays as it is.
        parts = torch.split(areas, 1, dim=1)
        wanted = [[Reference(giver, part)] if part.any() else None for part in parts]
        return self._join(style.image, style.guides, wanted)

    def _image(self, canvas: Canvas, styles: Sequence[Style]) -> Tensor:
        """Return the image with the colours of the styles or of the content, region by region."""
        areas = region_maps(canvas)
        if not self.asks:
            return self._join(canvas.image, canvas.mask, [()])
        if self.reference == "content":
            parts = (None,) if areas is None else torch.split(areas, 1, dim=1)
            return self._join(canvas.image, areas, [[Reference(canvas.content, part)] for part in parts])
        if all(style.guides is None for style in styles):
            areas = canvas.mask  # regions of one side alone do not say whose colours they get
        count = 1 if areas is None else areas.shape[1]
        heard = [[style for style in styles if covers(style, index)] for index in range(count)]
        self._say_what_stays(canvas, heard)
        wanted = [self._references(voices, index) if voices else None for index, voices in enumerate(heard)]
        return self._join(canvas.image, areas, wanted)

    def _references(self, styles: Sequence[Style], region: int) -> list[Reference]:
        """Return the parts of the styles that cover a region, by their weights."""
        total = sum(style.weight for style in styles)
        if not total > 0:
            raise StageError(
                f"{self.name}: the styles' weights add up to {total:g}, so there is no average of them\n"
                "  what would work: weights whose sum is above 0"
            )
        return [
            Reference(style.image, None if style.guides is None else style.guides[:, [region]], style.weight / total)
            for style in styles
        ]

    def _say_what_stays(self, canvas: Canvas, heard: Sequence[Sequence[Style]]) -> None:
        """Raise if no style covers any region; warn of those none covers, unless it was asked for."""
        names = canvas.labels or tuple(f"{index + 1} of {len(heard)}" for index in range(len(heard)))
        mute = ", ".join(repr(name) for name, voices in zip(names, heard, strict=True) if not voices)
        advice = "what would work: a style whose guides mark it, or one without guides"
        if not any(heard):
            raise StageError(f"{self.name}: no style covers any region of the content ({mute})\n  {advice}")
        if mute and not any(style.region for style in canvas.styles):
            warnings.warn(
                f"{self.name}: no style covers the region {mute}, which stays as it is\n  {advice}", stacklevel=2
            )

    def _join(self, image: Tensor, areas: Tensor | None, wanted: Sequence[Sequence[Reference] | None]) -> Tensor:
        """Return a picture with each area recoloured, or left where None is wanted, joined along soft edges."""

        def recolored(area: Tensor | None, references: Sequence[Reference]) -> Tensor:
            return image.lerp(self.recolor(image, area, references).clamp(0, 1), self.strength)

        if areas is None:
            return image if wanted[0] is None else recolored(None, wanted[0])
        total, share = torch.zeros_like(image), torch.zeros_like(areas[:, :1])
        for area, references in zip(torch.split(areas, 1, dim=1), wanted, strict=True):
            if references is not None and area.any():
                total = total + recolored(area, references) * area
                share = share + area
        return torch.where(share > 0, total + image * (1 - share).clamp_min(0), image)
