"""PyTorch's files looked through before torch opens them: zip members, their checksums, and what a pickle asks for."""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO

import torch

from ..errors import WeightsError, quoted
from .tensors import LARGEST_RATIO

LARGEST_PICKLE = 2 << 20
"""Bytes of the list of tensors; one takes about 150."""
MOST_TUPLES = 40_000
"""In that list; one that holds another, and so on, is more than Python's stack takes when it is a key."""

DAMAGED = "looks truncated or damaged"
AGAIN = "downloading it again"
CHECKPOINT = "a .safetensors file, or a PyTorch checkpoint made by torch.save(network.state_dict(), …)"

_ALLOWED = re.compile(
    r"collections\.(OrderedDict|Counter)|(__builtin__|builtins)\.set|torch\.(Size|device)|torch(\.storage)?\.\w+Storage"
    r"|torch\.nn\.parameter\.Parameter|torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter)"
)
"""What the checkpoints of networks and trainings are made of.  Of what torch lets pass beside it some take any memory
that a file asks for, and some may be given attributes that hide a tensor's own."""
_KINDS = {
    "_rebuild_sparse_tensor": ("sparse tensors, which no network here takes", "tensor.to_dense()"),
    "_rebuild_qtensor": ("quantised tensors, which no network here takes", "tensor.dequantize()"),
    "_rebuild_nested_tensor": ("nested tensors, which no network here takes", "each tensor by itself"),
    "_rebuild_meta_tensor_no_storage": (
        "tensors without values, on torch's device 'meta'",
        "a network with its values",
    ),
}


def check_archive(file: Path) -> None:
    """Raise unless a zip file is a checkpoint of tensors, unpacks to about its own size and is whole.

    Raises:
        WeightsError: it is something else, too large or damaged.
    """
    if not zipfile.is_zipfile(file):
        raise WeightsError(f"{file}: {DAMAGED} (the end is missing)\n  what would work: {AGAIN}")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = {member.filename.rpartition("/")[2] for member in members}
            if "constants.pkl" in names:
                what = "a TorchScript program, which would have to be run to be read"
                raise WeightsError(f"{file}: {what}\n  what would work: {CHECKPOINT}")
            if "data.pkl" not in names:
                raise WeightsError(f"{file}: a zip archive, not a checkpoint\n  what would work: unpacking it first")
            size, unpacked = file.stat().st_size, sum(member.file_size for member in members)
            if unpacked > LARGEST_RATIO * size:
                raise WeightsError(
                    f"{file}: {size:,} bytes that unpack to {unpacked:,}, which weights never do\n"
                    f"  what would work: {CHECKPOINT}"
                )
            for member in members:
                if member.CRC == 0:  # torch can be told to save without checksums, and then writes 0
                    member.CRC = None  # type: ignore[assignment]
                if member.filename.rpartition("/")[2] == "data.pkl":
                    with archive.open(member) as opened:
                        check_pickles(file, opened, 1)
            _check_members(archive, members)
    except WeightsError:
        raise
    except Exception as error:  # a damaged archive may fail in any way; it is shown, not hidden
        raise WeightsError(
            f"{file}: {DAMAGED} ({type(error).__name__}: {quoted(str(error))})\n  what would work: {AGAIN}"
        ) from error


def _check_members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Raise a `BadZipFile` if the bytes of a member are not those of its checksum, at which torch does not look."""
    for member in members:
        with archive.open(member) as opened:
            while opened.read(1 << 20):
                pass


def check_pickles(file: Path, opened: IO[bytes], count: int) -> None:
    """Raise unless the pickles at the beginning of a stream hold nothing but tensors and plain values.

    Args:
        file: for the message.
        opened: the stream.
        count: how many pickles there are at most, one behind the other.

    Raises:
        WeightsError: they would make other objects, or are too large.
    """
    head = opened.read(LARGEST_PICKLE + 1)
    stream, tuples = io.BytesIO(head), 0
    try:
        for _ in range(count):
            if stream.tell() == len(head):
                break
            for opcode, argument, _ in pickletools.genops(stream):
                tuples += opcode.name.startswith("TUPLE")
                if opcode.name in ("GLOBAL", "INST"):
                    _check_global(file, str(argument).replace(" ", "."))
                elif opcode.name in ("STACK_GLOBAL", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"):
                    _check_global(file, "of a later protocol")
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle may fail in any way; it is shown, not hidden
        if stream.tell() <= LARGEST_PICKLE:
            raise _damaged(file, error) from error
    if stream.tell() > LARGEST_PICKLE or tuples > MOST_TUPLES:
        raise WeightsError(
            f"{file}: its list of tensors is longer than that of any network\n  what would work: {CHECKPOINT}"
        )


def _check_global(file: Path, name: str) -> None:
    """Raise unless a name that a pickle asks for is one of those that tensors are made of."""
    if _ALLOWED.fullmatch(name) or isinstance(getattr(torch, name.removeprefix("torch."), None), torch.dtype):
        return
    if kind := _KINDS.get(name.removeprefix("torch._utils.")):
        raise WeightsError(f"{file}: holds {kind[0]}\n  what would work: {kind[1]} before saving")
    shown = re.sub(r"[^\w. ]", "?", name)[:80]
    raise WeightsError(
        f"{file}: holds Python objects ({shown}), not only tensors; "
        "opening it could run anything, so it is not opened\n"
        "  what would work: its weights alone; where you trust the file and have its code, type\n"
        f"    torch.save(torch.load({file.name!r}, weights_only=False).state_dict(), 'weights.pth')"
    )


def _damaged(file: Path, error: Exception) -> WeightsError:
    first = str(error).strip().partition("\n")[0]
    return WeightsError(
        f"{file}: {DAMAGED}, or is a pickle of something else ({type(error).__name__}: {quoted(first)})\n"
        f"  what would work: {AGAIN}, or {CHECKPOINT}"
    )


def open_torch(file: Path) -> object:
    """Return what a file of `torch.save` holds, tensors and plain values, without ever running what it asks for.

    Args:
        file: its path.

    Raises:
        WeightsError: it holds anything else, or is damaged.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "weights.pt")
        >>> torch.save({"width": 8}, file)
        >>> open_torch(file)
        {'width': 8}
    """
    with file.open("rb") as opened:
        is_zip = opened.read(2) == b"PK"
        opened.seek(0)
        if not is_zip:  # five pickles: two numbers, the system, the tensors, their keys; then the values
            check_pickles(file, opened, 5)
    if is_zip:
        check_archive(file)
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # likewise
        raise _damaged(file, error) from error
