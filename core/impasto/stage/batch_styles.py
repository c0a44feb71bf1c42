"""The styles of one picture of a batch, and those that paint a share of it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import StageError
from ..functional.batches import batch_item
from .canvas import Style


def styles_with_weight(who: str, styles: Sequence[Style]) -> list[Style]:
    """Return the styles that have a weight, where weights are shares of the picture that each paints.

    Args:
        who: begins the message, such as a stage's name.
        styles: one or several.

    Raises:
        StageError: a weight below 0, or none above.

    Example:
        >>> import impasto, torch
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> len(styles_with_weight("mrf", [impasto.Style(picture), impasto.Style(picture, weight=0)]))
        1
    """
    if any(style.weight < 0 for style in styles) or not any(style.weight for style in styles):
        given = ", ".join(f"{style.weight:g}" for style in styles)
        raise StageError(
            f"{who}: the weights of the styles are {given}, but they are the shares of the picture that each paints\n"
            "  what would work: weights of 0 or more, not all 0, such as impasto.Style(picture, weight=1)"
        )
    return [style for style in styles if style.weight]


def style_of_picture(style: Style, index: int, regions: int = 0) -> Style:
    """Return the style of one picture of a batch.

    Args:
        style: a picture for all, or one for each, with or without guides.
        index: of the picture.
        regions: where not 0, a style without guides gets so many: all of it covers each region.

    Example:
        >>> import impasto, torch
        >>> style_of_picture(impasto.Style(torch.rand(4, 3, 8, 8)), 2, regions=3).guides.shape
        torch.Size([1, 3, 8, 8])
    """
    image = batch_item(style.image, index)
    guides = None if style.guides is None else batch_item(style.guides, index)
    if guides is None and regions:
        guides = image.new_ones(1, regions, *image.shape[-2:])
    return Style(image, style.weight, guides)
