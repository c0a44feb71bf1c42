"""Stages that paint."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Hashable, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self

from ..errors import StageError
from ..functional.flat_areas import DEVIATION, add_noise_to_flat_areas
from ..functional.resizing import Size, size_of, size_text
from ..picture import Interrupted
from .base import Stage, StyleUse, check_result, missing_method, pictures_in_mask
from .canvas import Canvas, Style
from .context import current_run, remember
from .interruption import Painted, painted_so_far
from .memory import check_memory_of
from .parameters import param
from .regions import (
    align_styles,
    bounding_box,
    check_coverage,
    composite,
    covered_regions,
    pictures_of,
    region_maps,
)
from .strokes import warn_of_fine_strokes


class Stylizer(Stage):
    """A stage that paints the image in the manner of the styles.

    The base class pads the image and crops back, checks what comes out, keeps it inside the mask, paints region
    by region, goes as far as `strength` says, and turns an interruption into the picture so far.  A subclass only
    paints.

    Example:
        >>> import impasto
        >>> class Tint(impasto.Stylizer, name="tint"):
        ...     '''Give the content the mean colour of the style.'''
        ...     def stylize(self, content, styles, guides):
        ...         return content.lerp(styles[0].image.mean((2, 3), keepdim=True), 0.5)
        >>> impasto.Pipeline(Tint())(impasto.samples.content("cat", 64), impasto.samples.style("wave", 64)).size
        (43, 64)
    """

    kind = "stylizer"
    multiple: ClassVar[int] = 1
    """Sides are padded (by repeating the border) to a multiple of this before `stylize` sees them."""
    reflection_padding: ClassVar[int] = 0
    """Pixels by which the picture is continued on each side, as in a mirror, before `stylize` sees it: a network that
    has never seen a border paints a frame along it.  Masks and regions are continued alike."""
    smallest: ClassVar[int] = 1
    """The shortest side, in pixels, that the method can work on; less is refused with an explanation."""
    style: ClassVar[StyleUse] = "required"
    regional: ClassVar[bool] = False
    """Whether `stylize` paints all regions in one pass.  If not, the base class calls it once for each region,
    with that region as the only guide and the styles that cover it, and joins the results."""
    stroke: ClassVar[int] = 0
    """About how many pixels wide a stroke is as it paints, by which a run at `strokes="1%"` chooses its size, and a
    picture is pointed out in which strokes would hardly be seen.  0: not looked at, right for what changes colours."""
    context: ClassVar[int] = 64
    """Pixels around the mask that the method sees; what is further away neither costs time nor counts."""

    strength: float = param(
        default=1.0, low=0, high=1, help="how far to go from the picture as it came, 0, to the painted one, 1"
    )

    def __init_subclass__(cls, **more: Any) -> None:
        if "strength" in vars(cls) and "strength" not in inspect.get_annotations(cls):
            raise TypeError(
                f"{cls.__name__}: strength is a parameter of every stylizer\n"
                "  what would work: another name; for a strength in the method's own terms, a method at_strength"
            )
        super().__init_subclass__(**more)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the painted image.

        Args:
            content: (B, 3, H, W), the canvas's image so far; with a mask, the part of it around the mask.
            styles: one or several; pictures of any size.
            guides: (1 or B, K, H, W), where each region is inside the mask, so that what is missing from a sum
                of 1 lies outside; a mask without regions comes as one region.  The styles' guides have the
                same K, which is 1 where the class is not `regional`.  None: everywhere.

        Returns:
            (B, 3, H, W), as large as `content`.
        """
        raise missing_method(self, self.stylize)

    def noise_strength(self) -> float:
        """Return how much faint noise flat areas get before `stylize` sees them: 0 for none, 1 for the host's own.

        A network paints one colour where its features are the same all over, such as in an overexposed sky: noise
        gives it something to make strokes of.  See `impasto.functional.add_noise_to_flat_areas`.
        """
        return 0.0

    def stroke_width(self) -> float:
        """Return about how many pixels wide a stroke is as it paints: `stroke`, times `style_scale` if it has that."""
        scale: float = getattr(self, "style_scale", 1.0)
        return self.stroke * scale

    def canvas_size(self) -> Size | None:
        """Return height and width of a canvas that it brings, so that a run needs no content; None: it brings none."""
        return None

    def at_strength(self, strength: float) -> Self | None:
        """Return a stage that goes a share of the way in its method's own terms; None, as here: the pictures are mixed.

        Args:
            strength: 0 to 1.  What the stage at 0 still changes, such as what a decoder loses, is taken back by as much
                as the strength lacks of 1.
        """
        return None

    def apply(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image painted, inside the mask and the regions that have a style."""
        strength = self.strength if self._shares_strength() else 1.0
        if strength == 0:
            self._check_canvas(canvas)
            return canvas
        warn_of_fine_strokes(self.name, self.stroke_width(), canvas)
        if strength == 1:
            return self._paint_canvas(canvas)
        own, nothing = self.at_strength(strength), self.at_strength(0.0)
        if own is None or nothing is None:
            done = self._paint_canvas(canvas)
            return done.replace(image=canvas.image.lerp(done.image, strength))
        done, unchanged = own._paint_canvas(canvas), nothing._paint_canvas(canvas)
        return done.replace(image=(done.image + (1 - strength) * (canvas.image - unchanged.image)).clamp(0, 1))

    @classmethod
    def _shares_strength(cls) -> bool:
        """Return whether `strength` is the base class's, and not a parameter of that name that the class declares."""
        return cls.__dataclass_fields__["strength"] is Stylizer.__dataclass_fields__["strength"]

    def _check_canvas(self, canvas: Canvas) -> None:
        """Raise where a style is missing, a picture is too small, or the canvas is of another size than its own."""
        own, found = self.canvas_size(), size_of(canvas.image)
        if own not in (None, found):
            assert own is not None
            raise StageError(
                f"{self.name}: brings a canvas of {size_text(own)} pixels, and was given one of {size_text(found)}\n"
                "  what would work: no content, pipe(None, style); or no size of its own"
            )
        if self.style == "required":
            self.require_styles(canvas.styles)
        for what, picture in (("content", canvas.image), *(("style", style.image) for style in canvas.styles)):
            if min(picture.shape[-2:]) < self.smallest:
                raise StageError(
                    f"{self.name}: the {what} is {size_text(size_of(picture))} pixels, and the shorter "
                    f"side must have at least {self.smallest}\n  what would work: a larger picture"
                )

    def _paint_canvas(self, canvas: Canvas) -> Canvas:
        """Return the canvas with its image painted at full strength."""
        chosen = pictures_in_mask(self, canvas)
        if chosen is not None:
            done = self._paint_canvas(pictures_of(canvas, chosen))
            return canvas.replace(image=canvas.image.index_copy(0, chosen, done.image), interrupted=done.interrupted)
        self._check_canvas(canvas)
        styles, guides, noise = align_styles(canvas), region_maps(canvas), self.noise_strength()
        # Before anything is cropped: in a clip the noise stays where it is when a mask moves.
        source = add_noise_to_flat_areas(canvas.image, noise * DEVIATION) if noise else canvas.image
        if guides is None:
            painted, note = self._paint(source, styles, None)
            return canvas.replace(image=painted, interrupted=note or canvas.interrupted)
        for_one_region = any(style.region for style in canvas.styles)
        covered = check_coverage(self, guides, styles, canvas.labels, intended=for_one_region)
        self._warn_if_small(guides)
        guides = guides * guides.new_tensor(covered)[:, None, None]
        if self.regional:
            image, note = self._paint_inside(source, styles, guides)
        else:
            image, note, guides = self._paint_each(source, styles, guides, canvas.labels)
        whole = canvas.mask is None and all(covered) and note is None
        image = image if whole else composite(canvas.image, image, guides.sum(1, keepdim=True).clamp(max=1))
        return canvas.replace(image=image, interrupted=note or canvas.interrupted)

    def _warn_if_small(self, guides: Tensor) -> None:
        """Warn of regions that together have too few pixels to show a manner of painting."""
        count = int((guides > 0).any(1).sum())
        if count < FEW:
            warnings.warn(
                f"{self.name}: the mask selects {count} pixel{'s' * (count > 1)}, too few to show a manner of painting",
                stacklevel=2,
            )

    def _paint_inside(self, image: Tensor, styles: Sequence[Style], guides: Tensor) -> Painted:
        """Return the image painted around the regions, and a note if that was interrupted."""
        # Pictures of a batch with masks of their own have no common part to look at.
        place = (..., *bounding_box(guides, self.context, self.smallest)) if len(guides) == 1 else (...,)
        with current_run().at_part(lambda frame: frame.part(lambda picture: picture[place])):
            part, note = self._paint(image[place], styles, guides[place])
        painted = image.clone()
        painted[place] = part
        return painted, note

    def _paint_each(
        self, image: Tensor, styles: Sequence[Style], guides: Tensor, labels: Sequence[str]
    ) -> tuple[Tensor, Interrupted | None, Tensor]:
        """Return the image with each region painted by itself, a note if interrupted, and the regions painted."""
        total = torch.zeros_like(image)
        done = torch.zeros_like(guides)
        regions = list(covered_regions(guides, styles))
        for count, region in enumerate(regions):
            assert region.area is not None
            own = [
                remember(
                    style, ("part", region.index, self.smallest), partial(self._style_of_region, style, region.index)
                )
                for style in (styles[place] for place in region.styles)
            ]
            name: Hashable = labels[region.index] if labels else region.index  # labels stay from frame to frame
            try:
                with current_run().at_part(methodcaller("region", name)):
                    painted, note = self._paint_inside(image, own, region.area)
            except KeyboardInterrupt:  # before a step of this region
                if not count:
                    raise
                note = Interrupted(self.name, count, len(regions))
                break
            total += painted * region.area
            done[:, region.index : region.index + 1] = region.area
            if note is not None:
                break
        share = done.sum(1, keepdim=True)
        return torch.where(share > 0, total / share.clamp_min(torch.finfo(share.dtype).tiny), image), note, done

    def _style_of_region(self, style: Style, region: int) -> Style:
        """Return the part of a style that covers one region, cropped for methods that read no guides."""
        if style.guides is None:
            return style
        part = style.guides[:, region : region + 1]
        rows, columns = bounding_box(part, 0, self.smallest)
        return Style(style.image[..., rows, columns], style.weight, part[..., rows, columns])

    def _paint(self, image: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Painted:
        """Return what `stylize` makes of a picture, checked, and a note if it was interrupted."""
        height, width = image.shape[-2:]
        margin = self.reflection_padding
        bottom, right = (margin + -(length + 2 * margin) % self.multiple for length in (height, width))
        # A picture smaller than the padding has its border repeated instead.
        mode = "reflect" if margin and max(right - width, bottom - height) < 0 else "replicate"

        def padded(maps: Tensor) -> Tensor:
            return F.pad(maps, (margin, right, margin, bottom), mode=mode) if bottom or right else maps

        check_memory_of(self, image)
        content, regions = padded(image), None if guides is None else padded(guides)

        def cropped(picture: Tensor) -> Tensor:  # as previews are, at any resolution
            tall, wide = (side / whole for side, whole in zip(size_of(picture), size_of(content), strict=True))
            rows, columns = (
                slice(round(margin * share), round((margin + length) * share))
                for share, length in ((tall, height), (wide, width))
            )
            return picture[..., rows, columns]

        run = current_run()
        with run.at_part(lambda frame: frame.part(padded)), run.showing(cropped):
            painted, note = painted_so_far(self.name, partial(self.stylize, content, styles, regions), content)
        if isinstance(painted, Tensor) and painted.shape == content.shape:
            painted = cropped(painted)
        result = check_result(self, painted, image)
        if note is None:
            self._warn_if_flat(result, image, styles)
        return result, note

    def _warn_if_flat(self, painted: Tensor, image: Tensor, styles: Sequence[Style]) -> None:
        """Warn of a picture that a network painted in one flat colour, which neither it nor a style had."""
        files = [name for name, one in self.parameters().items() if one.reads]
        if not (files or self.known_weights):  # what has no network may mean it
            return
        if not (painted[..., 0, 0] == painted[..., -1, -1]).all(1).any():  # which spares most a look at every pixel
            return
        flat = _is_flat(painted) & ~_is_flat(image)
        if not flat.any() or any(_is_flat(style.image).any() for style in styles):
            return
        red, green, blue = painted[flat][0, :, 0, 0].mul(255).round().int().tolist()
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in files)
        warnings.warn(
            f"{self.name}: painted one flat colour, #{red:02x}{green:02x}{blue:02x}, as a network does whose weights"
            f" are empty\n  what would work: other weights{' than ' * bool(given)}{given}, or other parameters",
            stacklevel=2,
        )


def _is_flat(images: Tensor) -> Tensor:
    """Return which pictures of a batch have one colour alone, (B,)."""
    low, high = images.flatten(2).aminmax(dim=2)
    return (low == high).all(1)


FEW = 16
"""Pixels; a mask that selects fewer is painted, and pointed out."""
