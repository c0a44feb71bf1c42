"""Sheets: pictures side by side in rows, under their titles; what `show` gives a notebook."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..errors import ParameterError
from ..picture import Picture, read
from ..stage import Style

HEIGHT, WIDTH = 360, 1560
"""Of a row on a sheet at most, in pixels: what a notebook's column shows without scrolling."""
LEAST_HEIGHT = 240
"""Of a row in a notebook: smaller pictures are enlarged, so that something can be seen in them."""
FEW_COLORS = 32
"""A picture of no more, such as a mask or a map of labels, is enlarged in squares."""
GAP, TEXT = 12, 17
PAPER, INK = "#ffffff", "#3a342e"


@dataclass(frozen=True, eq=False, repr=False)
class Sheet:
    """Pictures in rows, under titles; a notebook shows them, its text form says what they are.

    Args:
        rows: pictures, row by row.
        titles: of each picture, row by row; "" for none.

    Example:
        >>> import impasto
        >>> impasto.show(photo=impasto.samples.content("cat", 64), style=impasto.samples.style("wave", 48))
        photo: Picture(64×43, mean 0.58 0.44 0.34)
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
        """Return the sheet as one image, no picture larger than it is."""
        return self._drawn(1)

    def _drawn(self, least: int) -> Image.Image:
        """Return the sheet with rows of a least height."""
        font = ImageFont.load_default(TEXT)
        strips = [
            _strip(pictures, titles, font, least)
            for pictures, titles in zip(self.rows, self.titles, strict=True)
            if pictures
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
        image = self._drawn(LEAST_HEIGHT)
        # What was enlarged holds less detail than it has pixels.
        return jpeg(image) if image.size == self.pil().size else jpeg(image, quality=75, subsampling="4:2:0")


def show(*pictures: Any, columns: int | None = None, **titled: Any) -> Sheet:
    """Show pictures side by side; those given by name under their names.

    Args:
        pictures: anything `impasto.read` takes, a `Style`, a `Canvas`, or whatever has a method `picture()`; of a
            batch each.
        columns: how many in a row; all, unless there are more than five.
        titled: the same, by title; underscores are shown as spaces.

    Raises:
        ParameterError: there is nothing to show.

    Example:
        >>> import impasto, torch
        >>> len(impasto.show(impasto.samples.content("cat", 64), half=torch.full((1, 3, 64, 64), 0.5)))
        2
    """
    entries: list[tuple[str, Picture]] = []
    for title, given in [*(("", untitled) for untitled in pictures), *titled.items()]:
        batch = list(to_picture(given))
        for index, picture in enumerate(batch, 1):
            number = f" {index}" if title and len(batch) > 1 else ""
            entries.append((title.replace("_", " ") + number, picture))
    if not entries:
        raise ParameterError("show: there is nothing to show\n  what to type: impasto.show(content, style)")
    count = len(entries)
    across = columns or (count if count <= 5 else math.ceil(count / math.ceil(count / 5)))
    rows = [entries[start : start + across] for start in range(0, count, across)]
    return Sheet(
        tuple(tuple(picture for _, picture in row) for row in rows),
        tuple(tuple(title for title, _ in row) for row in rows),
    )


def to_picture(given: Any) -> Picture:
    """Return the picture, or batch, of a style, a canvas or anything that `impasto.read` takes; values are clamped."""
    if isinstance(given, Style):
        given = given.image
    elif callable(getattr(given, "picture", None)):
        given = given.picture()
    return read(given.detach().float().clamp(0, 1).cpu() if isinstance(given, Tensor) else given)


def _strip(pictures: Sequence[Picture], titles: Sequence[str], font: Any, least: int) -> Image.Image:
    """Return one row: all of one height, of a least one, shrunk to the width of a notebook."""
    height = min(HEIGHT, max(least, *(picture.size[0] for picture in pictures)))
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
        image = _resized(picture.pil(), side, height)
        strip.paste(image, (left, head), image if image.mode == "RGBA" else None)
        draw.text((left, head - round(TEXT * 0.45)), title, INK, font, anchor="ls")
        left += place + GAP
    return strip


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    crisp = width > image.width and image.convert("RGB").getcolors(FEW_COLORS) is not None
    return image.resize((width, height), Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS)


def jpeg(image: Image.Image, quality: int = 90, subsampling: str = "4:4:4") -> bytes:
    """Return an image as a notebook keeps it: PNG is five times as large, and notebooks go into repositories."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=subsampling)
    return out.getvalue()
