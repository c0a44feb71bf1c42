"""Comparisons: a picture before and after, under a slider; what `compare` gives a notebook."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ..errors import ParameterError
from ..functional.resizing import resize
from ..picture import Picture, over_white
from .sheet import HEIGHT, WIDTH, jpeg, to_picture


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two pictures of one size under a slider."""

    before: Picture
    after: Picture

    def __repr__(self) -> str:
        apart = (self.before.tensor - self.after.tensor).abs().mean().item()
        return f"Comparison({self.before!r}, {self.after!r}, mean difference {apart:.2f})"

    def _repr_html_(self) -> str:
        height, width = self.before.size
        shrink = min(1.0, 2 * HEIGHT / height, WIDTH / 2 / width)
        height, width = max(1, round(height * shrink)), max(1, round(width * shrink))

        def source(picture: Picture) -> str:
            image = picture.pil().convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            return "data:image/jpeg;base64," + base64.b64encode(jpeg(image)).decode()

        # Without scripts, where a notebook is not trusted, half of each picture is seen.
        return (
            f'<div style="width:{width}px;max-width:100%"><div style="position:relative;line-height:0;'
            f'container-type:inline-size;aspect-ratio:{width}/{height}">'
            f'<img alt="after" src="{source(self.after)}" style="width:100%">'
            '<div style="position:absolute;inset:0 auto 0 0;width:50%;overflow:hidden;border-right:2px solid white">'
            f'<img alt="before" src="{source(self.before)}" style="width:100cqw;max-width:none"></div></div>'
            '<input type="range" value="50" style="width:100%;margin:4px 0" aria-label="before and after" '
            "oninput=\"this.previousElementSibling.children[1].style.width=this.value+'%'\"></div>"
        )


def compare(before: Any, after: Any) -> Comparison:
    """Show a picture before and after under a slider.

    Args:
        before: anything `impasto.read` takes; one picture.
        after: likewise; it is resized if its size differs.

    Raises:
        ParameterError: a batch.

    Example:
        >>> import impasto
        >>> cat = impasto.samples.content("cat", 64)
        >>> compare(cat, 1 - cat)
        Comparison(Picture(64×43, mean 0.58 0.44 0.34), Picture(64×43, mean 0.42 0.56 0.66), mean difference 0.27)
    """
    first, second = _opaque(to_picture(before)), _opaque(to_picture(after))
    if first.batch * second.batch != 1:
        raise ParameterError(
            f"compare: {first!r} and {second!r} are batches\n"
            "  what to type: [impasto.compare(a, b) for a, b in zip(before, after)]"
        )
    if first.size != second.size:
        second = Picture(resize(second.tensor, first.size))
    return Comparison(first, second)


def _opaque(picture: Picture) -> Picture:
    """Return a picture as it looks on white paper."""
    if picture.alpha is None:
        return picture
    return picture.replace(tensor=over_white(picture.tensor, picture.alpha), alpha=None)
