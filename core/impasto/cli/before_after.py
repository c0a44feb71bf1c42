"""A contact sheet of a run: each photograph beside what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import PictureError
from ..notebook import Sheet
from ..picture import Picture, read
from .errors import print_message
from .loading import read_picture

SIDE = 320
"""Longer side of a picture on the sheet in pixels."""
ACROSS = 3
"""Photographs in a row, each with what was made of it."""
MOST = 120
"""Photographs on one sheet."""


def write_sheet(pairs: Sequence[tuple[Path, Path]], out: Path, inputs: Iterable[Path], limit: int | None) -> None:
    """Write a sheet of photographs and painted pictures, those of earlier runs among them.

    Args:
        pairs: each photograph, and the file that was painted of it, which need not be there.
        out: the sheet.
        inputs: files over which nothing is written.
        limit: of pixels in a picture that is read.
    """
    there = [pair for pair in pairs if pair[1].is_file()]
    if not there:
        print_message(f"{out}: nothing was painted, so there is no sheet")
        return
    if len(there) > MOST:
        print_message(f"{out}: shows the first {MOST} of {len(there)} pictures")
    rows: list[tuple[Picture, ...]] = []
    titles: list[tuple[str, ...]] = []
    for start in range(0, min(MOST, len(there)), ACROSS):
        row, names = [], []
        for photograph, painted in there[start : min(start + ACROSS, MOST)]:
            try:
                both = [read_picture(file, limit).fit_within(SIDE) for file in (photograph, painted)]
            except PictureError as error:  # such as a file that is no longer there
                print_message(f"{out}: {error}")
                continue
            row += both
            names += [photograph.name, ""]
        if row:
            rows.append(tuple(row))
            titles.append(tuple(names))
    read(Sheet(tuple(rows), tuple(titles)).pil()).save(out, keep=list(inputs))
