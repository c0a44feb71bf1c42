"""Checkpoints opened safely: safetensors and PyTorch files; any other file is called what it is."""

from __future__ import annotations

import json
import stat
import struct
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from ..errors import WeightsError, legible, quoted
from ..files import local_path
from .archive import AGAIN, CHECKPOINT, DAMAGED, open_torch
from .tensors import flaw

LARGEST_HEADER = 8 << 20
"""Bytes of a safetensors file's list of tensors; one takes about 100."""
LONGEST_NAME = 200
"""Characters of a tensor's name."""
_LUA = (
    "a Lua Torch file (.t7), which PyTorch does not read",
    "the same network converted to PyTorch, such as vgg_normalised.pth for vgg_normalised.t7",
)
_SIGNATURES = {
    b"\x89PNG": ("a picture (PNG), not weights", CHECKPOINT),
    b"\xff\xd8\xff": ("a picture (JPEG), not weights", CHECKPOINT),
    b"GIF8": ("a picture (GIF), not weights", CHECKPOINT),
    b"RIFF": ("a picture (WebP), not weights", CHECKPOINT),
    b"\x89HDF": ("an HDF5 file (Keras), which PyTorch does not read", CHECKPOINT),
    b"\x93NUMPY": ("a NumPy array", CHECKPOINT),
    b"\x1f\x8b": ("a gzip archive", "unpacking it first"),
    b"version https://git-lfs": (
        "a Git LFS pointer, not the file itself",
        "git lfs pull, or a direct download",
    ),
    b"\x03\x00\x00\x00\x01\x00\x00\x00": _LUA,
    b"\x04\x00\x00\x00\x01\x00\x00\x00": _LUA,
}


def load(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name, on the CPU, without ever running what a file holds.

    Takes safetensors and PyTorch checkpoints of tensors; `{"state_dict": …}` is unwrapped, and the prefix
    `module.` that `DataParallel` leaves is removed.

    Args:
        path: the file.

    Raises:
        WeightsError: it is something else (a pickled module, a truncated file, a picture, a web page, a Lua
            Torch file); the message says what, and what would work.

    Example:
        >>> import tempfile, torch
        >>> path = tempfile.mkdtemp() + "/network.pth"
        >>> torch.save({"state_dict": {"module.conv1_1.bias": torch.zeros(2)}}, path)
        >>> load(path)
        {'conv1_1.bias': tensor([0., 0.])}
    """
    file = local_path(path)
    head = _head(file)
    if head[8:9] == b"{" or file.suffix == ".safetensors":
        content = _load_safetensors(file, head)
    elif head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        content = open_torch(file)
    else:
        what, remedy = _describe(file, head)
        raise WeightsError(f"{file}: {what}\n  what would work: {remedy}")
    return _state_dict(file, content)


def _head(file: Path) -> bytes:
    """Return the first bytes of a file; nothing but a file that has a size is read, for others may never end."""
    try:
        status = file.stat()
        if stat.S_ISREG(status.st_mode):
            with file.open("rb") as opened:
                return opened.read(512) if status.st_size else b""
        why = "is a folder" if stat.S_ISDIR(status.st_mode) else "is a device or a pipe, not a file"
    except (FileNotFoundError, NotADirectoryError, ValueError):
        why = "there is no such file"
    except OSError as error:
        why = f"cannot be opened ({error.strerror})"
    raise WeightsError(f"{file}: {why}\n  what would work: the path of a .safetensors, .pth or .pt file")


def _describe(file: Path, head: bytes) -> tuple[str, str]:
    """Return what a file is that is not a checkpoint, and what would work instead."""
    if not head:
        return "an empty file", AGAIN
    if head.lstrip()[:1] == b"<":
        return "a web page, saved in place of the file it links to", "downloading the file itself"
    for signature, description in _SIGNATURES.items():
        if head.startswith(signature):
            return description
    return _LUA if file.suffix == ".t7" else ("not a checkpoint of any kind known here", CHECKPOINT)


def _load_safetensors(file: Path, head: bytes) -> object:
    if head[8:9] != b"{":
        what, remedy = _describe(file, head)
        raise WeightsError(f"{file}: named .safetensors, but {what}\n  what would work: {remedy}")
    size, (length,) = file.stat().st_size, struct.unpack("<Q", head[:8])
    if LARGEST_HEADER < length < size:
        raise WeightsError(
            f"{file}: its header has {length:,} bytes, more than that of any network\n  what would work: {CHECKPOINT}"
        )
    try:
        return load_file(file)
    except Exception as error:  # a damaged file may fail in any way; it is shown, not hidden
        why = (_missing_bytes(file, length) if length < size else "") or quoted(str(error).strip())
        raise WeightsError(f"{file}: {DAMAGED} ({why})\n  what would work: {AGAIN}") from error


def _missing_bytes(file: Path, length: int) -> str:
    """Return in words how large a safetensors file should be, if its header is whole enough to tell."""
    with file.open("rb") as opened:
        header = opened.read(8 + length)[8:]
    try:
        ends = [entry["data_offsets"][1] for key, entry in json.loads(header).items() if key != "__metadata__"]
        whole = 8 + length + max(ends)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return ""
    size = file.stat().st_size
    return f"{size:,} bytes found, {whole:,} expected" if isinstance(whole, int) and size != whole < 1 << 60 else ""


def _state_dict(file: Path, content: object) -> dict[str, Tensor]:
    """Return the tensors by name that the content of a file is, its wrappings taken off, each safe to read."""
    # By the methods of `dict` itself: what a pickle makes may have others of its own.
    if isinstance(content, dict) and isinstance(dict.get(content, "state_dict"), dict):
        content = dict.get(content, "state_dict")
    if not isinstance(content, dict):
        kind = "one tensor" if isinstance(content, Tensor) else type(content).__name__
        raise WeightsError(f"{file}: holds {kind}, not tensors by name\n  what would work: {CHECKPOINT}")
    entries = dict(dict.items(content))
    others = [key for key, value in entries.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if others or not entries:
        names = ", ".join(legible(key) if isinstance(key, str) else quoted(key) for key in others[:5])
        holds = f"has {names} beside or instead of tensors" if others else "holds nothing"
        raise WeightsError(f"{file}: {holds}\n  what would work: {CHECKPOINT}")
    for key, value in entries.items():
        if not (key.isprintable() and len(key) <= LONGEST_NAME):
            raise WeightsError(
                f"{file}: has a tensor called {quoted(key)}, which no network has\n  what would work: {CHECKPOINT}"
            )
        if wrong := flaw(value):
            raise WeightsError(f"{file}: {key} is {wrong}\n  what would work: {CHECKPOINT}")
    prefix = "module." if all(key.startswith("module.") for key in entries) else ""
    return {key.removeprefix(prefix): value.detach() for key, value in entries.items()}
