"""Files that pictures, styles, masks and frames are read from: nothing is written over them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..picture import Picture
from ..picture.decoding import source_file
from ..stage import Style
from ..stream import Animation, Video


def files_of(*sources: Any) -> Iterator[str | Path]:
    """Yield the files of pictures, styles, lists and mappings of them, and of streams; none where none is known.

    What a generator will give is not known before it gives it.
    """
    for source in sources:
        if isinstance(source, (str, os.PathLike)):
            yield Path(source)
        elif isinstance(source, Picture):
            yield from files_of(source.meta.file)
        elif isinstance(source, Style):
            yield from files_of(source.file)
        elif isinstance(source, (Video, Animation)):
            yield from files_of(source.path)
        elif isinstance(source, Mapping):
            yield from files_of(*source.values())
        elif isinstance(source, (list, tuple)):
            yield from files_of(*source)
        elif file := source_file(source):
            yield Path(file)
