"""`impasto lessons`: the course, written into a folder."""

from __future__ import annotations

import argparse

from ..lessons import write_lessons
from .errors import DONE


def execute(given: argparse.Namespace) -> int:
    """Write the lessons, and say how to open them."""
    edition = "student" if given.student else "nbgrader" if given.nbgrader else "teacher"
    written = write_lessons(given.folder, edition, given.language)
    notebooks = [file for file in written if file.suffix == ".ipynb"]
    print(f"{given.folder} has {len(notebooks)} lessons\n  what to type: jupyter lab {given.folder}")
    return DONE
