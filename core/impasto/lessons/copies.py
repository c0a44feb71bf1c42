"""Copies of the lessons: as they are, for students, or as assignments of nbgrader."""

from __future__ import annotations

import copy
import re
import shutil
from importlib.metadata import metadata
from pathlib import Path

from ..errors import ParameterError
from .notebooks import Cell, Notebook, has_tag, lesson_files, lessons_folder, read_notebook, source, write_notebook
from .translation import LANGUAGES, read_translation

LINK_ABOVE = re.compile(r"\]\(\.\./")

EDITIONS = ("teacher", "student", "nbgrader")


def write_lessons(folder: str | Path, edition: str = "teacher", language: str = "en") -> list[Path]:
    """Write the lessons into a folder, and return the files.

    Args:
        folder: where, made if needed.
        edition: "teacher" has everything: solutions, outputs, syllabus, notes and answers. "student" has notebooks
            without solutions, outputs and the code of checks. "nbgrader" has notebooks for its source folder.
        language: "en" or "zh"; what is not translated stays English.

    Raises:
        ParameterError: an edition or language that there is not, or a folder whose lessons would be replaced.

    Example:
        >>> import tempfile
        >>> len(write_lessons(tempfile.mkdtemp(), "student"))
        12
    """
    for what, value, known in (("edition", edition, EDITIONS), ("language", language, LANGUAGES)):
        if value not in known:
            raise ParameterError(f"{what} = {value!r} is none\n  what would work: {', '.join(known)}")
    folder = Path(folder)
    if existing := sorted(path.name for path in folder.glob("[0-9]*.ipynb")):
        raise ParameterError(
            f"{folder} has lessons already, such as {existing[0]}, in which somebody may have worked\n"
            "  what would work: another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, file in enumerate(lesson_files(), 1):
        notebook = with_addresses(read_translation(file.stem, language).applied(read_notebook(file)))
        if edition == "student":
            notebook = student_copy(notebook, number)
        elif edition == "nbgrader":
            notebook = assignment(notebook)
        write_notebook(notebook, folder / file.name)
        written.append(folder / file.name)
    if edition == "teacher":
        written += _beside(folder)
    return written


def _beside(folder: Path) -> list[Path]:
    """Copy the syllabus, the notes for teachers, and what pytest needs to validate the notebooks."""
    written = []
    for name in ("README.md", "conftest.py", "sanitize.cfg"):
        written.append(Path(shutil.copy(lessons_folder() / name, folder / name)))
    for other in LANGUAGES[1:]:
        (folder / other).mkdir(exist_ok=True)
        written.append(Path(shutil.copy(lessons_folder() / other / "README.md", folder / other / "README.md")))
    shutil.copytree(lessons_folder() / "teachers", folder / "teachers", dirs_exist_ok=True)
    return written + sorted((folder / "teachers").iterdir())


def with_addresses(notebook: Notebook) -> Notebook:
    """Return a notebook whose links into the repository, beside which a copy does not lie, are addresses."""
    urls = dict(line.split(", ", 1) for line in metadata("impasto").get_all("Project-URL", []))
    cells = [
        cell | {"source": LINK_ABOVE.sub(f"]({urls['Source']}/blob/main/", source(cell)).splitlines(keepends=True)}
        for cell in notebook["cells"]
    ]
    return notebook | {"cells": cells}


def student_copy(notebook: Notebook, lesson: int) -> Notebook:
    """Return a notebook without solutions, outputs and the code of checks, each of which becomes a call.

    Args:
        notebook: the lesson.
        lesson: its number.
    """
    cells, exercise = [], 0
    for cell in copy.deepcopy(notebook["cells"]):
        if has_tag(cell, "solution"):
            continue
        if has_tag(cell, "check"):
            exercise += 1
            call = f"from impasto.lessons import check\n\ncheck({lesson}, {exercise})"
            cell["source"] = call.splitlines(keepends=True)
        cells.append(_without_outputs(cell))
    return notebook | {"cells": cells}


def assignment(notebook: Notebook) -> Notebook:
    """Return a notebook for nbgrader's source folder: solutions are marked, checks are hidden tests of a point each."""
    cells = []
    for cell in copy.deepcopy(notebook["cells"]):
        if has_tag(cell, "exercise"):
            continue
        if has_tag(cell, "solution"):
            cell["source"] = f"### BEGIN SOLUTION\n{source(cell)}\n### END SOLUTION".splitlines(keepends=True)
            cell["metadata"]["nbgrader"] = _nbgrader(cell, solution=True)
        elif has_tag(cell, "check"):
            cell["source"] = f"### BEGIN HIDDEN TESTS\n{source(cell)}\n### END HIDDEN TESTS".splitlines(keepends=True)
            cell["metadata"]["nbgrader"] = _nbgrader(cell, solution=False) | {"points": 1}
        cells.append(_without_outputs(cell))
    return notebook | {"cells": cells}


def _nbgrader(cell: Cell, solution: bool) -> dict[str, object]:
    return {
        "grade": not solution,
        "grade_id": cell["id"],
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


def _without_outputs(cell: Cell) -> Cell:
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None
    return cell
