"""`impasto doctor`: what Impasto makes of a picture, mask, recipe, video or weights file, without painting."""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..files import existing_file
from .errors import DONE, FAILED, exit_code_of, in_words_of_the_command, print_message, terminal_text
from .examination import Finding, examine
from .loading import STANDARD, standard_input

COLUMN = 12
STDIN = "standard input"


def execute(given: argparse.Namespace) -> int:
    """Say of each file what Impasto makes of it; the exit code tells whether all of them can be used."""
    code = DONE
    with tempfile.TemporaryDirectory() as folder:
        for name in given.files:
            try:
                file = _held(Path(folder)) if name == STANDARD else existing_file(name, "")
            except (ValueError, OSError) as error:
                print_message(in_words_of_the_command(str(error)))  # the others are looked at all the same
                code = max(code, exit_code_of(error) or FAILED)
                continue
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                kind, found = examine(file, given.max_pixels)
                findings = list(found)
            findings += [Finding("warning", text) for text in dict.fromkeys(str(one.message) for one in said)]
            print(f"{STDIN if name == STANDARD else name}: {kind}, {file_size(file.stat().st_size)}")
            lines = "\n".join(line for finding in findings for line in finding_lines(finding))
            print(lines.replace(f"{folder}{os.sep}", ""))
            if any(finding.fault for finding in findings):
                code = max(code, FAILED)
    return code


def _held(folder: Path) -> Path:
    """Return a file of what comes in from standard input, which has a name that says so."""
    data = standard_input("impasto doctor - < photo.jpg")
    pipeline = b"[[stages]]" in data and b"\0" not in data
    file = folder / (f"{STDIN}.toml" if pipeline else STDIN)
    file.write_bytes(data)
    return file


def finding_lines(finding: Finding) -> Iterator[str]:
    """Yield a finding as lines, its label in the first."""
    for index, line in enumerate(in_words_of_the_command(terminal_text(finding.text)).splitlines()):
        yield f"  {finding.label if not index else '':<{COLUMN}}{line}"


def file_size(size: int) -> str:
    """Return a number of bytes as people say it.

    Example:
        >>> file_size(2_330_000)
        '2.3 MB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
