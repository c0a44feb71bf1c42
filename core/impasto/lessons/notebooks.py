"""The notebooks of the lessons, where they are, and what their cells are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ImpastoError, MissingFileError

Notebook = dict[str, Any]
Cell = dict[str, Any]


class LessonError(ImpastoError, LookupError):
    """There is no lesson, exercise or language of that name.

    Example:
        >>> import impasto
        >>> from impasto.lessons import check
        >>> check(40, 1)
        Traceback (most recent call last):
        impasto.lessons.notebooks.LessonError: there is no lesson 40
          what would work: a number from 1 to 12
    """


def lessons_folder() -> Path:
    """Return the folder of the lessons: packed in the wheel, `tutorials` in a checkout.

    Raises:
        MissingFileError: they are in neither.

    Example:
        >>> (lessons_folder() / "README.md").is_file()
        True
    """
    packed, checkout = Path(__file__).with_name("notebooks"), Path(__file__).parents[3] / "tutorials"
    for folder in (packed, checkout):
        if (folder / "01-first-picture.ipynb").is_file():
            return folder
    raise MissingFileError(f"there are no lessons in {packed}\n  what would work: impasto installed anew")


def lesson_files() -> list[Path]:
    """Return the notebooks in their order.

    Example:
        >>> lesson_files()[0].name
        '01-first-picture.ipynb'
    """
    return sorted(lessons_folder().glob("[0-9]*.ipynb"))


def read_notebook(file: Path) -> Notebook:
    """Return a notebook as the JSON that it is."""
    notebook: Notebook = json.loads(file.read_text(encoding="utf-8"))
    return notebook


def write_notebook(notebook: Notebook, file: Path) -> None:
    """Write a notebook in the form in which notebooks are stored."""
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def source(cell: Cell) -> str:
    """Return the text of a cell."""
    return "".join(cell["source"])


def has_tag(cell: Cell, tag: str) -> bool:
    """Return whether a cell has a tag."""
    return tag in cell["metadata"].get("tags", ())


def checks(notebook: Notebook) -> list[Cell]:
    """Return the cells that check the exercises, in order."""
    return [cell for cell in notebook["cells"] if has_tag(cell, "check")]
