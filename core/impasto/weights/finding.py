"""The file of a record: looked for on this machine, downloaded where it is nowhere, and verified."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..errors import WeightsError
from ..files import local_path
from .download import download_file
from .record import Weights
from .verification import advice, cache_folder, is_installed, user_folders, verify

_missing: ContextVar[list[Weights] | None] = ContextVar("missing", default=None)


@contextmanager
def without_downloads() -> Iterator[list[Weights]]:
    """Have `find` download nothing inside the block, whoever calls it.

    Yields:
        The records whose files would have been downloaded.

    Example:
        >>> record = Weights(
        ...     "mosaic.safetensors", "0" * 64, 1, "MIT", "a test", "nothing", url="https://example.org/mosaic.safetensors"
        ... )
        >>> with without_downloads() as missing:
        ...     try:
        ...         find(record)
        ...     except WeightsError:
        ...         print([one.name for one in missing])
        ['mosaic.safetensors']
    """
    missing: list[Weights] = []
    token = _missing.set(missing)
    try:
        yield missing
    finally:
        _missing.reset(token)


_needed: ContextVar[list[Weights] | None] = ContextVar("impasto_needed_weights", default=None)


@contextmanager
def needed_weights() -> Iterator[list[Weights]]:
    """Give a list that holds the records of the networks that are asked for inside the block.

    A network that is kept from an earlier time is among them only where it was asked for by its name.

    Example:
        >>> import impasto
        >>> with needed_weights() as needed:
        ...     encoder = impasto.encoder("slim19")
        >>> {record.name for record in needed}
        {'slim19.safetensors'}
    """
    needed: list[Weights] = []
    token = _needed.set(needed)
    try:
        yield needed
    finally:
        _needed.reset(token)


def note_needed(*records: Weights) -> None:
    """Say that networks are asked for, to whoever watches: see `needed_weights`.

    Args:
        records: of their weights.

    Example:
        >>> note_needed()
    """
    needed = _needed.get()
    if needed is not None:
        needed.extend(records)


def find(record: Weights, path: str | Path | None = None, *, download: bool = True) -> Path:
    """Return the verified file of a record, downloading it only if it is nowhere on this machine.

    Looked for in: `path`, the folders of the environment variable IMPASTO_WEIGHTS, the installed wheel,
    torch's cache (where torchvision, too, puts what it downloads), and then the network, unless
    IMPASTO_OFFLINE=1.

    Args:
        record: what to find.
        path: the file, or a folder that holds it under its name; nothing else is then looked at.
        download: whether the network is tried; without it, what is not on this machine is an error.

    Raises:
        WeightsError: it is nowhere and cannot be downloaded, or the file found is not the right one.

    Example:
        >>> import tempfile, pathlib, hashlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "tiny.bin").write_bytes(b"paint")
        >>> digest = hashlib.sha256(b"paint").hexdigest()
        >>> tiny = Weights("tiny.bin", digest, 5, "MIT", "made here", "an example")
        >>> find(tiny, folder).name
        'tiny.bin'
    """
    note_needed(record)
    if path is not None:
        given = local_path(path)
        file = given / record.name if given.is_dir() else given
        if not file.is_file():
            raise WeightsError(f"{record.name}: there is no file {file}\n{advice(record)}")
        return verify(record, file)
    for file in places(record):
        if file.is_file():
            return verify(record, file)
    if record.url is None:
        raise WeightsError(
            f"{record.name} is not on this machine, and it has no address to download from\n{advice(record)}"
        )
    missing = _missing.get()
    if missing is not None:
        missing.append(record)
    if not download or missing is not None:
        raise WeightsError(f"{record.name} is not on this machine\n{advice(record)}")
    if os.environ.get("IMPASTO_OFFLINE", "0") not in ("", "0"):
        raise WeightsError(f"{record.name} is not on this machine, and IMPASTO_OFFLINE is set\n{advice(record)}")
    return download_file(record, record.url)


def places(record: Weights) -> list[Path]:
    """Return the paths at which a record's file is looked for, in order.

    Args:
        record: what is looked for.

    Example:
        >>> from impasto.networks import SLIM19
        >>> places(SLIM19)[0].name
        'slim19.safetensors'
    """
    return [*(folder / record.name for folder in user_folders()), *_in_wheel(record), cache_folder() / record.name]


def _in_wheel(record: Weights) -> list[Path]:
    if record.file is None:
        return []
    package, _, inside = record.file.partition("/")
    if not is_installed(package):
        return []
    # Wheels are unpacked when installed, so what they hold has a path of its own.
    return [Path(str(importlib.resources.files(package).joinpath(inside)))]
