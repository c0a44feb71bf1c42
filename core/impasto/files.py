"""Files: written whole or not at all, and found by folder and pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it, so that a kill leaves no half file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write(temporary)
    os.replace(temporary, path)


PICTURES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".ppm", ".pgm", ".avif", ".heic", ".heif"),
)
"""Suffixes by which pictures are told from the other files of a folder."""


VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"),
    *(".mpg", ".mpeg", ".ts", ".mts", ".3gp", ".ogv", ".wmv", ".flv"),
)
"""Suffixes by which videos are told."""


def expand(paths: Iterable[str]) -> list[Path]:
    """Return the pictures that files, folders and patterns name, each once.

    Raises:
        ValueError: a folder or pattern in which there is none.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text).expanduser()
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
        elif not path.exists() and glob.has_magic(text):
            files = sorted(Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file())
        else:
            files = [path]
        if not files:
            raise ValueError(f"there are no pictures in {text}\n  looked for: {', '.join(PICTURES)}")
        found.update(dict.fromkeys(files))
    return list(found)
