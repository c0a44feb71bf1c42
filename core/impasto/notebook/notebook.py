"""What notebooks show: pictures side by side, before and after, over parameters, and while they are painted."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import ParameterError
from ..picture import Picture, read
from ..pipeline import Pipeline
from ..stage import Stage, Style

if TYPE_CHECKING:
    from .tuner import Tuner

HEIGHT, WIDTH = 360, 1560
"""Of a row on a sheet at most, in pixels: what a notebook's column shows without scrolling."""
GAP, TEXT = 12, 17
PAPER, INK = "#ffffff", "#3a342e"


# --------------------------------------------------------------------------------------------- side by side


@dataclass(frozen=True, eq=False, repr=False)
class Sheet:
    """Pictures in rows, under titles; a notebook shows them, its text form says what they are.

    Args:
        rows: pictures, row by row.
        titles: of each picture, row by row; "" for none.

    Example:
        >>> import impasto
        >>> impasto.show(photo=impasto.samples.content("cat", 64), style=impasto.samples.style("wave", 48))
        photo: Picture(43×64, mean 0.58 0.44 0.34)
        style: Picture(48×48, mean 0.54 0.59 0.61)
    """

    rows: tuple[tuple[Picture, ...], ...]
    titles: tuple[tuple[str, ...], ...]

    def __getitem__(self, index: int) -> Picture:
        return [picture for row in self.rows for picture in row][index]

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def __repr__(self) -> str:
        named = [
            f"{title}: {picture!r}" if title else repr(picture)
            for pictures, titles in zip(self.rows, self.titles, strict=True)
            for picture, title in zip(pictures, titles, strict=True)
        ]
        return "\n".join(named)

    def pil(self) -> Image.Image:
        """Return the sheet as one image."""
        font = ImageFont.load_default(TEXT)
        strips = [
            _strip(pictures, titles, font) for pictures, titles in zip(self.rows, self.titles, strict=True) if pictures
        ]
        size = (max(strip.width for strip in strips), sum(strip.height + GAP for strip in strips) - GAP)
        sheet = Image.new("RGB", size, PAPER)
        top = 0
        for strip in strips:
            sheet.paste(strip, (0, top))
            top += strip.height + GAP
        return sheet

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet as a picture file."""
        return read(self.pil()).save(path)

    def _repr_jpeg_(self) -> bytes:
        return _jpeg(self.pil())


def show(*pictures: Any, columns: int | None = None, **titled: Any) -> Sheet:
    """Show pictures side by side; those given by name under their names.

    Args:
        pictures: anything `impasto.read` takes, a `Style`, a `Canvas`, or whatever has a method `picture()`; of a
            batch each.
        columns: how many in a row; all, unless there are more than five.
        titled: the same, by title; underscores are shown as spaces.

    Example:
        >>> import impasto
        >>> len(impasto.show(impasto.samples.content("cat", 64), half=torch.full((1, 3, 64, 64), 0.5)))
        2
    """
    every: list[tuple[str, Picture]] = []
    for title, given in [*(("", one) for one in pictures), *titled.items()]:
        found = list(_pictures(given))
        for index, picture in enumerate(found, 1):
            number = f" {index}" if title and len(found) > 1 else ""
            every.append((title.replace("_", " ") + number, picture))
    if not every:
        raise ParameterError("show: there is nothing to show\n  what to type: impasto.show(content, style)")
    across = columns or (len(every) if len(every) <= 5 else math.ceil(len(every) / math.ceil(len(every) / 5)))
    rows = [every[start : start + across] for start in range(0, len(every), across)]
    return Sheet(
        tuple(tuple(picture for _, picture in row) for row in rows),
        tuple(tuple(title for title, _ in row) for row in rows),
    )


def _pictures(given: Any) -> Picture:
    if isinstance(given, Style):
        given = given.image
    elif callable(getattr(given, "picture", None)):
        given = given.picture()
    return read(given.detach().float().clamp(0, 1).cpu() if isinstance(given, Tensor) else given)


def _strip(pictures: Sequence[Picture], titles: Sequence[str], font: Any) -> Image.Image:
    """Return one row: all of one height, shrunk to the width of a notebook."""
    height = min(HEIGHT, max(picture.size[0] for picture in pictures))
    widths = [picture.size[1] * height / picture.size[0] for picture in pictures]
    shrink = min(1.0, (WIDTH - GAP * (len(widths) - 1)) / sum(widths))
    height, sides = max(1, round(height * shrink)), [max(1, round(width * shrink)) for width in widths]
    head = round(TEXT * 1.6) if any(titles) else 0
    # A narrow picture still has room for its title.
    places = [
        max(side, round(font.getlength(title)) + 2 if title else 0) for side, title in zip(sides, titles, strict=True)
    ]
    strip = Image.new("RGB", (sum(places) + GAP * (len(places) - 1), head + height), PAPER)
    draw = ImageDraw.Draw(strip)
    left = 0
    for picture, title, side, place in zip(pictures, titles, sides, places, strict=True):
        image = picture.pil().resize((side, height), Image.Resampling.LANCZOS)
        strip.paste(image, (left, head), image if image.mode == "RGBA" else None)
        draw.text((left, head - round(TEXT * 0.45)), title, INK, font, anchor="ls")
        left += place + GAP
    return strip


def _jpeg(image: Image.Image) -> bytes:
    """Return an image as a notebook keeps it: PNG is five times as large, and notebooks go into repositories."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue()


# ----------------------------------------------------------------------------------------- before and after


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
            return "data:image/jpeg;base64," + base64.b64encode(_jpeg(image)).decode()

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
        Comparison(Picture(43×64, mean 0.58 0.44 0.34), Picture(43×64, mean 0.42 0.56 0.66), mean difference 0.27)
    """
    first, second = _pictures(before), _pictures(after)
    if first.batch * second.batch != 1:
        raise ParameterError(
            f"compare: {first!r} and {second!r} are batches\n"
            "  what to type: [impasto.compare(a, b) for a, b in zip(before, after)]"
        )
    if first.size != second.size:
        fitted = torch.nn.functional.interpolate(second.tensor, first.size, mode="bicubic", antialias=True)
        second = Picture(fitted.clamp(0, 1))
    return Comparison(first.replace(alpha=None), second.replace(alpha=None))


# ------------------------------------------------------------------------------------------------- sweeps


def sweep(pipeline: Pipeline | Stage, content: Any, style: Any = None, **values: Any) -> Sheet:
    """Paint with every value of one parameter, or every pair of values of two, and show them all.

    Args:
        pipeline: a pipeline or a stage.
        content: as for a run, one picture.
        style: as for a run.
        values: one or two parameters by name with their values, `alpha=[0.3, 0.6, 1]`: the first goes across, the
            second down.  Where several stages have it, `**{"adain.alpha": [0.3, 1]}`.  Beside them what a run
            takes: `mask`, `guides`, `device`, `precision`, `seed`, `plugins`.

    Raises:
        ParameterError: no or too many parameters, a value that does not fit, or a name that no stage or more than
            one has.

    Example:
        >>> import impasto
        >>> class Dim(impasto.Postprocessor, name="dim"):
        ...     factor: float = impasto.param(default=0.5, low=0, high=1, help="how bright")
        ...
        ...     def refine(self, image, content, styles):
        ...         return image * self.factor
        >>> impasto.sweep(Dim(), torch.ones(1, 3, 8, 8), factor=[0.2, 1.0])
        factor=0.2: Picture(8×8, mean 0.20 0.20 0.20)
        factor=1.0: Picture(8×8, mean 1.00 1.00 1.00)
    """
    whole = pipeline if isinstance(pipeline, Pipeline) else Pipeline(pipeline)
    how = {name: values.pop(name) for name in RUN if name in values}
    if not 1 <= len(values) <= 2:
        raise ParameterError(
            f"sweep: {len(values)} parameters given, {', '.join(values) or 'none'}\n"
            "  what would work: one or two, as in impasto.sweep(pipeline, content, style, alpha=[0.3, 0.6, 1])"
        )
    (across, columns), *second = ((_place(whole, name), tuple(given)) for name, given in values.items())
    rows: list[tuple[tuple[int, str], Any] | None] = [(down, value) for down, given in second for value in given]
    titles, pictures = [], []
    for row in rows or [None]:
        painted, named = [], []
        for value in columns:
            changed = changing(whole, across, value)
            title = f"{across[1]}={value!r}"
            if row is not None:
                changed, title = changing(changed, *row), f"{title}, {row[0][1]}={row[1]!r}"
            painted.append(changed(content, style, **how))
            named.append(title)
        pictures.append(tuple(painted))
        titles.append(tuple(named))
    return Sheet(tuple(pictures), tuple(titles))


RUN = ("mask", "guides", "device", "precision", "seed", "plugins")
"""What a run takes beside its pictures."""


def changing(pipeline: Pipeline, place: tuple[int, str], value: Any) -> Pipeline:
    """Return a pipeline with one parameter of one stage changed."""
    stages = list(pipeline.stages)
    stages[place[0]] = dataclasses.replace(stages[place[0]], **{place[1]: value})
    return Pipeline(*stages)


def _place(pipeline: Pipeline, name: str) -> tuple[int, str]:
    """Return which stage has a parameter."""
    stage, _, key = name.rpartition(".")
    found = [
        index
        for index, one in enumerate(pipeline.stages)
        if key in one.parameters() and (not stage or one.name == stage)
    ]
    if len(found) == 1:
        return found[0], key
    has = "; ".join(f"{one.name}: {', '.join(one.parameters()) or 'none'}" for one in pipeline.stages)
    if not found:
        raise ParameterError(f"sweep: no stage has a parameter {name!r}\n  they have: {has or 'there are no stages'}")
    typed = f'**{{"{pipeline.stages[found[0]].name}.{key}": […]}}'
    raise ParameterError(
        f"sweep: {len(found)} stages have a parameter {name!r}\n  they have: {has}\n  what to type: {typed}"
    )


# ---------------------------------------------------------------------------------------- while it is painted


# --------------------------------------------------------------------------------------------------- tuning


def tune(pipeline: Pipeline | Stage, content: Any, style: Any = None, *, size: int = 384, **how: Any) -> Tuner:
    """Turn the knobs of a pipeline and see what it paints: sliders and menus made of its parameters.

    Args:
        pipeline: a pipeline or a stage to begin with.
        content: as for a run, one picture.
        style: as for a run.
        size: longer side in pixels of what is painted while tuning; "Full size" paints the whole.
        how: what a run takes besides: `mask`, `guides`, `device`, `precision`, `seed`, `plugins`.

    Returns:
        A widget.  Its `pipeline` has the values chosen, its `picture` is the last one painted.

    Raises:
        ImportError: ipywidgets is not installed; the message says what to type.
    """
    try:
        from .tuner import Tuner
    except ImportError as error:
        raise ImportError("tune needs the package ipywidgets: pip install 'impasto[notebook]'") from error
    return Tuner(pipeline if isinstance(pipeline, Pipeline) else Pipeline(pipeline), content, style, size, how)
