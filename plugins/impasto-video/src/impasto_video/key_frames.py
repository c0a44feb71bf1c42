"""Key frames that lie in a folder, painted by hand or elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from impasto import PictureError
from impasto.files import PICTURES, files_in, local_path


def key_files(folder: str) -> dict[int, Path]:
    """Return the pictures of a folder by the number that their names end in.

    Raises:
        PictureError: no such folder, no such file in it, or one number twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "frame-000013.png").touch()
        ...     list(key_files(folder))
        [13]
    """
    found: dict[int, Path] = {}
    place = local_path(folder)
    for file in sorted(files_in(place, PICTURES)) if place.is_dir() else []:
        number = re.search(r"\d+$", file.stem)
        if number is None:
            continue
        if int(number[0]) in found:
            raise PictureError(
                f"{folder}: {found[int(number[0])].name} and {file.name} are both for frame {int(number[0])}\n"
                "  what would work: one picture for each frame"
            )
        found[int(number[0])] = file
    if not found:
        raise PictureError(
            f"{folder}: there are no painted frames\n"
            "  what would work: a folder of pictures whose names end in the number of their frame: frame-000001.png"
        )
    return found
