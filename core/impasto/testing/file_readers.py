"""Checks of readers of files, on an example of the files that one reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..errors import PictureError, PluginError
from ..picture import Picture, plugin_reader
from ..picture.plugin_readers import plugin_picture
from .harness import require, works

ARRAY = "an array (H, W), (H, W, 3) or (H, W, 4), of uint8, uint16 or floats in [0, 1]"
SHARED = "no state that the calls of the reader share"
DAMAGE = "to raise any error for a file that is not whole; the host says which file, and what would work"


def is_asked_for_the_file(file: str | os.PathLike[str]) -> None:
    """The host finds the reader by the file's suffix, and it returns a picture.

    Raises:
        AssertionError: none is offered, Impasto reads the suffix by itself, or what comes back is no picture.
    """
    decode = _reader_of(file)
    with works(f"reading {file}", ARRAY):
        decode(Path(file).read_bytes())


def opens_no_file(file: str | os.PathLike[str]) -> None:
    """The reader makes do with the bytes it is given: what a stranger's file names stays closed.

    Raises:
        AssertionError: it opened a file.
    """
    decode, data = _reader_of(file), Path(file).read_bytes()
    with works(f"reading {file}", ARRAY):
        decode(data)  # what it imports is imported now
        with _opened_files() as opened:
            decode(data)
    names = ", ".join(dict.fromkeys(map(repr, opened)))
    require(not opened, f"the reader opened {names}", "io.BytesIO(data), for libraries that want an open file")


def reads_the_same_in_threads(file: str | os.PathLike[str]) -> None:
    """One file gives the same bits each time, also where several are read at once.

    Raises:
        AssertionError: it does not.
    """
    decode, data = _reader_of(file), Path(file).read_bytes()
    with works(f"reading {file} in four threads", SHARED), ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(decode, [data] * 8)
    same = all(torch.equal(first.tensor, other.tensor) for other in others)
    require(same, "the same file gives other bits when it is read again", SHARED)


def says_that_a_file_is_damaged(file: str | os.PathLike[str]) -> None:
    """A file that is cut short, empty or something else is an error, and no half grey picture.

    Raises:
        AssertionError: it became a picture.
    """
    decode, data = _reader_of(file), Path(file).read_bytes()
    for what, damaged in (
        ("the first half of the file", data[: len(data) // 2]),
        ("the file without its last tenth", data[: -max(1, len(data) // 10)]),
        ("an empty file", b""),
        ("a file of zeros", bytes(len(data))),
    ):
        try:
            found = decode(damaged)
        except PictureError:
            continue
        except PluginError as error:
            raise AssertionError(f"of {what}, {error}\n  what would work: {DAMAGE}") from error
        require(False, f"{what} is read as a picture of {found.size[1]} × {found.size[0]}", DAMAGE)


FILE_READER_CHECKS = (
    is_asked_for_the_file,
    opens_no_file,
    reads_the_same_in_threads,
    says_that_a_file_is_damaged,
)


def is_file(found: Any) -> bool:
    """Return whether something names a file."""
    return isinstance(found, (str, os.PathLike))


def _reader_of(file: str | os.PathLike[str]) -> Callable[[bytes], Picture]:
    """Return what makes a picture of bytes that stand for the file's."""
    reader = plugin_reader(file)
    suffix = Path(file).suffix.lower()
    if reader is None:
        raise AssertionError(
            f"no installed plugin is asked for {suffix} files\n"
            f"  what would work: a suffix that Impasto does not read by itself, offered by impasto_readers as"
            f" {{{suffix!r}: read}}; then pip install -e ."
        )

    def decode(data: bytes) -> Picture:
        return plugin_picture(reader, data, str(file), None)

    return decode


@contextmanager
def _opened_files() -> Iterator[list[str]]:
    """Collect the names of the files that are opened in the block, by whatever of Python's."""
    _watch_opening()
    opened: list[str] = []
    token = _opened.set(opened)
    try:
        yield opened
    finally:
        _opened.reset(token)


_opened: ContextVar[list[str] | None] = ContextVar("opened", default=None)


@cache
def _watch_opening() -> None:
    """Add the hook by which Python says what is opened; it stays, since Python takes none back."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        opened = _opened.get()
        if event == "open" and opened is not None and isinstance(arguments[0], (str, bytes, os.PathLike)):
            opened.append(os.fsdecode(arguments[0]))

    sys.addaudithook(hook)
