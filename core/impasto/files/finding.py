"""Files found: by name, folder and pattern."""

from __future__ import annotations

import difflib
import glob
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import MissingFileError, PictureError, quoted

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


LONGEST_NAME = 255
"""Bytes of the name of a file or a folder, on the systems of today."""


def local_path(name: str | os.PathLike[str]) -> Path:
    """Return the path that a name means: `~` is the home folder, unless a file is called so or no such user is there.

    Example:
        >>> str(local_path("~x.png"))
        '~x.png'
    """
    return Path(name if os.path.lexists(name) else os.path.expanduser(name))


def check_name(name: str | os.PathLike[str]) -> None:
    """Raise for a name that no file can have.

    Args:
        name: a path.

    Raises:
        PictureError: it is empty, longer than names can be, or has a character that none has.

    Example:
        >>> check_name("photo.jpg")
    """
    text = os.fspath(name)
    if not text:
        raise PictureError("the name of a file is empty\n  what would work: the name of one")
    if "\0" in text:
        raise PictureError(f"{quoted(text)}: has the character \\0, as no name has\n  what would work: it left out")
    longest = max(map(len, map(os.fsencode, Path(text).parts)), default=0)
    if longest > LONGEST_NAME:
        raise PictureError(
            f"{quoted(text)}: a name of {longest} bytes is longer than that of a file can be\n"
            f"  what would work: a name of {LONGEST_NAME} bytes at most"
        )


def existing_file(source: str | os.PathLike[str], example: str = "photo.jpg") -> Path:
    """Return the path of a file that is there.

    Args:
        source: its path.
        example: what such a file may be called, for whoever named a folder; "": any may be meant.

    Raises:
        PictureError: a name that no file has, an address of the internet, or no regular file: a device, a pipe.
        IsADirectoryError: a folder.
        MissingFileError: no such file; the message suggests the nearest name.

    Example:
        >>> existing_file(__file__).name
        'finding.py'
    """
    if isinstance(source, str) and "://" in source:
        raise PictureError(f"{source}: is an address\n  what would work: download it first and give its path")
    check_name(source)
    path = local_path(source)
    if path.is_dir():
        inside = f"a file in it, {path / example}" if example else "the path of a file"
        raise IsADirectoryError(f"{path}: is a folder\n  what would work: {inside}")
    if path.is_file():
        return path
    if path.exists():  # reading could wait, or go on, for ever
        raise PictureError(
            f"{path}: is no regular file but a device, a pipe or a socket\n"
            "  what would work: a file; copy what comes from there into one first"
        )
    if not path.parent.is_dir():
        raise MissingFileError(
            f"{path}: there is no such file, and no folder {path.parent}\n  what would work: check the spelling"
        )
    near = difflib.get_close_matches(path.name, [file.name for file in path.parent.iterdir() if file.is_file()], 1)
    hint = (
        f"did you mean '{path.with_name(near[0])}'?" if near else "what would work: check the folder and the spelling"
    )
    raise MissingFileError(f"{path}: there is no such file\n  {hint}")


def expand(paths: Iterable[str], suffixes: Callable[[], Collection[str]] = lambda: PICTURES) -> list[Path]:
    """Return the pictures that files, folders and patterns name, each once; frame-9 comes before frame-10.

    Files whose names begin with a dot are left out, unless they are named themselves.

    Args:
        paths: of files and folders, and patterns such as `scans/*.png`.
        suffixes: returns those of pictures; asked only where there is a folder.

    Raises:
        ValueError: a folder or pattern in which there is none.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("frame-10.png", "frame-9.png", "notes.txt"):
        ...     (folder / name).touch()
        >>> [file.name for file in expand([str(folder)])]
        ['frame-9.png', 'frame-10.png']
    """
    found: dict[Path, None] = {}
    for text in paths:
        check_name(text)
        path = local_path(text)
        if path.is_dir():
            files = sorted(files_in(path, suffixes()), key=natural_order)
        elif not path.exists() and glob.has_magic(text):
            matches = map(Path, glob.glob(str(path), recursive=True))
            files = sorted(filter(Path.is_file, matches), key=natural_order)
        else:
            files = [path]
        if not files:
            raise ValueError(f"there are no pictures in {text}\n  looked for: {', '.join(suffixes())}")
        found.update(dict.fromkeys(files))
    return list(found)


def files_in(folder: Path, suffixes: Collection[str], *, recursive: bool = False) -> Iterator[Path]:
    """Yield the files of a folder that end in one of some suffixes, of any case, in no order.

    Names that begin with a dot are left out: what systems put beside the files of people, such as `._photo.jpg`.

    Args:
        folder: to look in.
        suffixes: in lower case, such as ".png".
        recursive: whether to look in the folders in it too.

    Example:
        >>> [file.name for file in files_in(Path(__file__).parent, [".py"]) if "targets" in file.name]
        ['targets.py']
    """
    for path in folder.rglob("*") if recursive else folder.iterdir():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not hidden and not path.is_dir():
            yield path


def natural_order(path: Path) -> list[Any]:
    """Return a key by which frame-9 comes before frame-10.

    Example:
        >>> sorted([Path("frame-10.png"), Path("frame-9.png")], key=natural_order)[0].name
        'frame-9.png'
    """
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def sha256(file: Path) -> str:
    """Return the sha256 of a file's bytes.

    Example:
        >>> import tempfile
        >>> empty = Path(tempfile.mkdtemp(), "empty")
        >>> empty.touch()
        >>> sha256(empty)[:8]
        'e3b0c442'
    """
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
