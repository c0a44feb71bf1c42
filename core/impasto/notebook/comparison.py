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

BLOCK = 8
"""Pixels of a JPEG block: pictures that are joined where two of them meet do not disturb each other."""
SLIDER = """
(() => {
  const box = document.currentScript.parentElement, shown = box.querySelector("img"), other = new Image();
  const middle = %(middle)d;
  other.onload = () => {
    const [width, height] = [other.naturalWidth, other.naturalHeight];
    const canvas = document.createElement("canvas"), slider = document.createElement("input");
    Object.assign(canvas, { width, height });
    canvas.style.cssText = "width:100%%;display:block";
    canvas.setAttribute("role", "img");
    Object.assign(slider, { type: "range", min: 0, max: width, value: middle });
    slider.style.cssText = "width:100%%;margin:4px 0";
    slider.setAttribute("aria-label", "before and after");
    const draw = () => {
      const x = Number(slider.value), brush = canvas.getContext("2d");
      const part = (image, from, to) => {
        if (to > from) brush.drawImage(image, from, 0, to - from, height, from, 0, to - from, height);
      };
      part(shown, 0, Math.min(x, middle));
      part(other, middle, x);
      part(other, x, middle);
      part(shown, Math.max(x, middle), width);
      brush.fillStyle = "white";
      if (x > 0 && x < width) brush.fillRect(x - 1, 0, 2, height);
      canvas.setAttribute("aria-label", `before up to ${Math.round((100 * x) / width)} of 100, then after`);
    };
    slider.oninput = draw;
    draw();
    shown.replaceWith(canvas);
    box.append(slider);
  };
  other.src = "%(other)s";
})();
"""
"""What puts a slider in the place of the picture: of its counterpart, and the column at which the two are joined."""


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
        before, after = (
            picture.pil().convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            for picture in (self.before, self.after)
        )
        # A notebook that is not trusted, as when it is opened and not yet run, drops the script and shows the first
        # picture alone: half of each.  The script puts both pictures together from it and its counterpart.
        middle = max(width // 2 // BLOCK * BLOCK, 1)
        shown, other = (_data(_halves(*pair, middle)) for pair in ((before, after), (after, before)))
        script = SLIDER % {"other": other, "middle": middle}
        return (
            f'<div style="width:{width}px;max-width:100%"><img alt="before on the left, after on the right" '
            f'src="{shown}" style="width:100%;display:block"><script>{script}</script></div>'
        )


def _halves(left: Image.Image, right: Image.Image, middle: int) -> Image.Image:
    """Return a picture that is one to the left of a column, and another from there on."""
    joined = right.copy()
    joined.paste(left.crop((0, 0, middle, left.height)), (0, 0))
    return joined


def _data(image: Image.Image) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(image)).decode()


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
