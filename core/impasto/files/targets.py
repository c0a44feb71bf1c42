"""Targets: whether files can be made where they are to go, found out before they are worked on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import PictureError
from .finding import local_path
from .part_files import PartFile, link_target, write_error


def check_target(path: Path, inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raise where a file cannot be made at `path`, or where that is one of the inputs, by whatever name.

    It is tried, so that nobody learns after hours of painting that the folder is read-only.

    Args:
        path: of the file to be.
        inputs: files that it is made from.

    Raises:
        IsADirectoryError: a folder stands there.
        FileNotFoundError: the folder for it is missing.
        PictureError: it is an input, or something that is no file, such as a device.
        OSError: the name is too long, the folder cannot be written to, or the file that is there is write-protected.

    Example:
        >>> import tempfile
        >>> check_target(Path(tempfile.mkdtemp(), "out.png"))
    """
    check_targets([path], inputs)


def check_targets(paths: Iterable[Path], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raise where one of many files cannot be made: see `check_target`.

    Args:
        paths: of the files to be.
        inputs: files that they are made from.

    Raises:
        PictureError: one is an input.
        PermissionError: one is there and write-protected.
        OSError: one cannot be made.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> check_targets([folder / "frame-1.png", folder / "frame-2.png"])
    """
    sources: dict[tuple[int, int], Path] | None = None
    folders: dict[Path, Path] = {}
    for path in paths:
        target = link_target(path)
        folders.setdefault(target.parent, path)
        if not target.exists():
            continue
        if sources is None:  # only now: there may be a million, and what does not exist is none of them
            sources = _identities(inputs)
        if source := sources.get(_identity(target)):
            link = "" if path == source else f", {source}"
            raise PictureError(
                f"{path}: is one of the inputs{link}; what a picture is made from is never overwritten\n"
                "  what would work: another name"
            )
        if not os.access(target, os.W_OK):
            raise PermissionError(
                f"{path}: is there and write-protected\n  what would work: another name, or permission to write to it"
            )
    for path in folders.values():
        PartFile(path).discard()


def check_folder(folder: Path) -> None:
    """Raise where files cannot be made in a folder, which itself need not be there yet.

    Args:
        folder: where files are to go.

    Raises:
        FileExistsError: a file stands there.
        OSError: of the kind that the system raises, with what to do.

    Example:
        >>> import tempfile
        >>> check_folder(Path(tempfile.mkdtemp(), "frames"))
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    if not there.is_dir():
        raise FileExistsError(
            f"{folder}: a folder cannot be made here, as {there} is a file\n  what would work: another name"
        )
    try:
        PartFile(there / "file").discard()
    except OSError as error:
        cause = error.__cause__
        raise write_error(folder, cause if isinstance(cause, OSError) else error) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Args:
        folder: its path.

    Raises:
        FileExistsError: a file stands there.
        OSError: of the kind that the system raises, with what to do.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp(), "a", "b")
        >>> make_folder(folder)
        >>> folder.is_dir()
        True
    """
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def is_among(path: Path, inputs: Iterable[str | os.PathLike[str]]) -> bool:
    """Return whether a file is one of the inputs, by whatever name.

    Args:
        path: of the file.
        inputs: paths, of which one may be a link to it.

    Example:
        >>> is_among(Path(__file__), [__file__])
        True
    """
    return path.exists() and _identity(path) in _identities(inputs)


def _identities(paths: Iterable[str | os.PathLike[str]]) -> dict[tuple[int, int], Path]:
    """Return files by what the system knows them by, whatever name or link leads to them."""
    files = {}
    for path in map(Path, paths):
        with contextlib.suppress(OSError, ValueError):  # what no file can be called is none of them
            files[_identity(local_path(path))] = path
    return files


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
