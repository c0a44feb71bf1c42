"""Contact sheets: pictures in a grid, each with its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

GROUND, RULE, FAULT = "#1b1816", "#38322d", "#3a211d"
INK, FAINT, GOLD, RED = "#f3ece0", "#978c7f", "#d9a441", "#e58a73"


@dataclass(frozen=True)
class Panel:
    """One picture of a contact sheet with its name and a note, or the first line of the error that stands for it."""

    name: str
    note: str
    picture: Image.Image | None
    error: str = ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def seconds(duration: float) -> str:
    """Return a duration as text: `0.4 s`, `12 s`."""
    return f"{duration:.1f} s" if duration < 9.95 else f"{duration:.0f} s"


def contact_sheet(
    given: Sequence[Panel], panels: Sequence[Panel], note: str, columns: int | None = None
) -> Image.Image:
    """Lay out what was given in a column at the left, and what was made of it in a grid beside it.

    Args:
        given: content and style; the content's shape is every panel's.
        panels: the results, in reading order.
        note: a line at the top right.
        columns: of the grid; None: by how many there are.
    """
    content = given[0].picture
    assert content is not None
    # Small pictures are shown enlarged, so that the labels beneath them stay legible.
    unit = max(320, *content.size)
    width, height = (round(side * unit / max(content.size)) for side in content.size)
    text, gap, margin = round(unit * 0.056), round(unit * 0.075), round(unit * 0.15)
    label, head = round(text * 1.9), round(text * 3.8)
    if columns is None:
        rows = 1 if len(panels) == 1 else 2 if len(panels) <= 8 else 3 if len(panels) <= 21 else 4
        columns = -(-len(panels) // rows)
    rows = -(-len(panels) // columns)
    across, down = width + gap, height + label + gap
    grid = margin + across + 2 * gap  # where the results begin
    sheet = Image.new(
        "RGB",
        (grid + columns * across - gap + margin, margin + head + max(rows, len(given)) * down - gap + margin),
        GROUND,
    )
    draw = ImageDraw.Draw(sheet)
    title, font = ImageFont.load_default(round(text * 1.8)), ImageFont.load_default(text)
    right = sheet.width - margin
    base = margin + round(text * 1.4)
    draw.text((margin, base), "Impasto", INK, title, anchor="ls")
    draw.text((right, base), note, FAINT, font, anchor="rs")
    draw.line((margin, base + text, right, base + text), RULE, max(1, unit // 200))

    def place(panel: Panel, left: int, top: int, ink: str) -> None:
        if panel.picture is None:
            draw.rectangle((left, top, left + width - 1, top + height - 1), FAULT)
            lines = wrap(panel.error, font, width - 2 * gap)[: (height - 2 * gap) // round(text * 1.35)]
            draw.multiline_text((left + gap, top + gap), "\n".join(lines), RED, font, spacing=text * 0.35)
        else:
            sheet.paste(ImageOps.fit(panel.picture, (width, height), Image.Resampling.LANCZOS), (left, top))
        below = top + height + round(text * 1.35)
        room = width - font.getlength(panel.note) - gap / 2
        draw.text((left, below), shortened(panel.name, font, room), ink, font, anchor="ls")
        draw.text((left + width, below), panel.note, FAINT, font, anchor="rs")

    top = margin + head
    for row, panel in enumerate(given):
        place(panel, margin, top + row * down, GOLD)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        place(panel, grid + column * across, top + row * down, INK)
    rule = margin + width + round(gap * 1.5)
    draw.line((rule, top, rule, sheet.height - margin - label), RULE, max(1, unit // 200))
    return sheet


def shortened(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """Return a line that fits a width in pixels, its end left out if need be."""
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip()}…"


def wrap(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """Break a line at spaces, or within a word that is too long by itself, to fit a width in pixels."""
    lines = [""]
    for word in line.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]
