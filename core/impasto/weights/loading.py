"""Checkpoints opened safely: safetensors and PyTorch files; any other file is called what it is."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import WeightsError
from ..files import local_path

_DAMAGED = "looks truncated or damaged"
_AGAIN = "downloading it again"
_CHECKPOINT = "a .safetensors file, or a PyTorch checkpoint made by torch.save(network.state_dict(), …)"
_LUA = (
    "a Lua Torch file (.t7), which PyTorch does not read",
    "the same network converted to PyTorch, such as vgg_normalised.pth for vgg_normalised.t7",
)
_SIGNATURES = {
    b"\x89PNG": ("a picture (PNG), not weights", _CHECKPOINT),
    b"\xff\xd8\xff": ("a picture (JPEG), not weights", _CHECKPOINT),
    b"GIF8": ("a picture (GIF), not weights", _CHECKPOINT),
    b"RIFF": ("a picture (WebP), not weights", _CHECKPOINT),
    b"\x89HDF": ("an HDF5 file (Keras), which PyTorch does not read", _CHECKPOINT),
    b"\x93NUMPY": ("a NumPy array", _CHECKPOINT),
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
    if not file.is_file():
        why = "is a folder" if file.is_dir() else "there is no such file"
        raise WeightsError(f"{file}: {why}\n  what would work: the path of a .safetensors, .pth or .pt file")
    with file.open("rb") as opened:
        head = opened.read(512)
    if head[8:9] == b"{" or file.suffix == ".safetensors":
        content = _load_safetensors(file, head)
    elif head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        content = _load_torch(file, head)
    else:
        what, remedy = _describe(file, head)
        raise WeightsError(f"{file}: {what}\n  what would work: {remedy}")
    return _state_dict(file, content)


def _describe(file: Path, head: bytes) -> tuple[str, str]:
    """Return what a file is that is not a checkpoint, and what would work instead."""
    if not head:
        return "an empty file", _AGAIN
    if head.lstrip()[:1] == b"<":
        return "a web page, saved in place of the file it links to", "downloading the file itself"
    for signature, description in _SIGNATURES.items():
        if head.startswith(signature):
            return description
    return _LUA if file.suffix == ".t7" else ("not a checkpoint of any kind known here", _CHECKPOINT)


def _load_safetensors(file: Path, head: bytes) -> object:
    if head[8:9] != b"{":
        what, remedy = _describe(file, head)
        raise WeightsError(f"{file}: named .safetensors, but {what}\n  what would work: {remedy}")
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{file}: {_DAMAGED} ({_missing_bytes(file) or error})\n  what would work: {_AGAIN}"
        ) from error


def _missing_bytes(file: Path) -> str:
    """Return in words how large a safetensors file should be, if its header is whole enough to tell."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        header = opened.read(min(length, file.stat().st_size))
    try:
        ends = [entry["data_offsets"][1] for key, entry in json.loads(header).items() if key != "__metadata__"]
        whole = 8 + length + max(ends)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ""
    size = file.stat().st_size
    return f"{size:,} bytes found, {whole:,} expected" if size != whole else ""


def _load_torch(file: Path, head: bytes) -> object:
    if head[:2] == b"PK":
        if not zipfile.is_zipfile(file):
            raise WeightsError(f"{file}: {_DAMAGED} (the end is missing)\n  what would work: {_AGAIN}")
        with zipfile.ZipFile(file) as archive:
            inside = {name.rpartition("/")[2] for name in archive.namelist()}
        if "constants.pkl" in inside:
            what = "a TorchScript program, which would have to be run to be read"
            raise WeightsError(f"{file}: {what}\n  what would work: {_CHECKPOINT}")
        if "data.pkl" not in inside:
            raise WeightsError(f"{file}: a zip archive, not a checkpoint\n  what would work: unpacking it first")
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may fail in any way; it is shown, not hidden
        if held := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{file}: holds Python objects ({held[1]}), not only tensors; "
                "opening it could run anything, so it is not opened\n"
                "  what would work: its weights alone; where you trust the file and have its code, type\n"
                f"    torch.save(torch.load({file.name!r}, weights_only=False).state_dict(), 'weights.pth')"
            ) from error
        first = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"{file}: {_DAMAGED}, or is a pickle of something else ({type(error).__name__}: {first})\n"
            f"  what would work: {_AGAIN}, or {_CHECKPOINT}"
        ) from error


def _state_dict(file: Path, content: object) -> dict[str, Tensor]:
    """Return the tensors by name that the content of a file is, its wrappings taken off."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        kind = "one tensor" if isinstance(content, Tensor) else type(content).__name__
        raise WeightsError(f"{file}: holds {kind}, not tensors by name\n  what would work: {_CHECKPOINT}")
    others = [str(key) for key, value in content.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if others or not content:
        holds = f"has {', '.join(others[:5])} beside or instead of tensors" if others else "holds nothing"
        raise WeightsError(f"{file}: {holds}\n  what would work: {_CHECKPOINT}")
    if all(key.startswith("module.") for key in content):
        return {key.removeprefix("module."): value for key, value in content.items()}
    return dict(content)
