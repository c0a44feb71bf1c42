"""The files of a folder that holds networks: regular ones, in a bounded walk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import WeightsError

DEEPEST = 4
"""Folders below the one that is given."""
MOST_FILES = 5_000
"""That a folder of networks has, whatever they are."""


def regular_files(path: Path) -> dict[Path, tuple[int, int]]:
    """Return a file, or the files in and below a folder, sorted by name, with the time they changed and their size.

    Devices, pipes, what vanishes while it is looked at and what begins with a dot are left out; links to folders are
    not followed.

    Args:
        path: of the file or folder.

    Raises:
        WeightsError: the folder holds thousands of files, or many folders within another, as a whole disk does.

    Example:
        >>> regular_files(Path("nowhere"))
        {}
    """
    files: dict[Path, tuple[int, int]] = {}
    seen = 0
    for folder, names, inside in os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]:
        seen += len(names) + len(inside)
        depth = len(Path(folder).relative_to(path).parts) if names else 0
        if seen > MOST_FILES or depth >= DEEPEST:
            size = f"more than {MOST_FILES:,} files" if seen > MOST_FILES else f"folders deeper than {DEEPEST} levels"
            raise WeightsError(
                f"{path}: has {size}, and is not looked through for networks\n"
                "  what would work: the path of a file, or of a folder with networks alone"
            )
        names[:] = [name for name in names if not name.startswith(".")]
        for name in (name for name in inside if not name.startswith(".")):
            file = Path(folder, name)
            try:
                status = file.stat()
            except OSError:  # a link to nowhere, or a file that vanished since it was listed
                continue
            if stat.S_ISREG(status.st_mode):
                files[file] = status.st_mtime_ns, status.st_size
    return dict(sorted(files.items()))
