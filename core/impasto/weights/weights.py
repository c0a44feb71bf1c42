"""Weights: records of trained networks, and how their files are found, verified and opened safely."""

from __future__ import annotations

import hashlib
import http.client
import importlib.resources
import json
import os
import re
import struct
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from tqdm import tqdm

from ..errors import WeightsError

CHUNK = 1 << 20


@dataclass(frozen=True)
class Weights:
    """A trained network's file: what it is, where it comes from, and how to know it is the right one.

    Args:
        name: the file's name, such as `vgg19-dcbb9e9d.pth`.
        sha256: of the file, in hex; its first 8 digits or more where only those are published.
        size: of the file, in bytes.
        licence: of the weights.
        origin: who trained it, on what; one line.
        expects: what the network is and what it takes; one line.
        url: where it can be downloaded; None when it cannot.
        file: where it lies inside a wheel, the package first: `impasto/networks/slim19.safetensors`; or None.

    Example:
        >>> from impasto.networks import VGG19
        >>> VGG19.name, VGG19.size
        ('vgg19-dcbb9e9d.pth', 574673361)
    """

    name: str
    sha256: str
    size: int
    licence: str
    origin: str
    expects: str
    url: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{8,64}", self.sha256):
            raise ValueError(
                f"{self.name}: sha256 = {self.sha256!r} does not fit\n"
                "  what would work: 64 digits of 0-9a-f, or the first 8 or more of them"
            )


# --------------------------------------------------------------------------------------------------- finding


def find(record: Weights, path: str | Path | None = None) -> Path:
    """Return the verified file of a record, downloading it only if it is nowhere on this machine.

    Looked for in: `path`, the folders of the environment variable IMPASTO_WEIGHTS, the installed wheel,
    torch's cache (where torchvision, too, puts what it downloads), and then the network, unless
    IMPASTO_OFFLINE=1.

    Args:
        record: what to find.
        path: the file, or a folder that holds it under its name; nothing else is then looked at.

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
    if digest.startswith(record.sha256) and size == record.size:
        return
    looks = " (looks truncated)" if size < record.size else ""
    remedy = (
        "put the right file in its place, or move this one away and run again"
        if file
        else "run again, later or from another network"
    )
    raise WeightsError(
        f"{what}\n"
        f"  expected: sha256 {record.sha256[:8]}…, {record.size:,} bytes\n"
        f"  found: sha256 {digest[:8]}…, {size:,} bytes{looks}\n"
        f"  what would work: {remedy}\n{_advice(record)}"
    )


def _folders() -> list[Path]:
    named = os.environ.get("IMPASTO_WEIGHTS", "").split(os.pathsep)
    return [Path(folder).expanduser() for folder in named if folder]


def _in_wheel(record: Weights) -> list[Path]:
    if record.file is None:
        return []
    package, _, inside = record.file.partition("/")
    # Wheels are unpacked when installed, so what they hold has a path of its own.
    return [Path(str(importlib.resources.files(package).joinpath(inside)))]


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _advice(record: Weights) -> str:
    lines = [f"  it is: {record.expects}; {record.size / 1e6:,.1f} MB"]
    if record.url:
        lines += [f"  get it from: {record.url}", f"  put it in: {_cache()}"]
    elif record.file:
        package = record.file.partition("/")[0]
        lines.append(f"  it belongs to: the wheel of {package}; to have it again, reinstall that")
    lines.append(f"  or put it in a folder of yours: IMPASTO_WEIGHTS=/that/folder ({record.name} inside it)")
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
            urllib.request.urlopen(request, timeout=30) as answer,
            tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, suffix=".part", delete=False) as saved,
        ):
            part = Path(saved.name)
            digest, size = _copy(answer, saved, record)
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


def _copy(answer: http.client.HTTPResponse, saved: IO[bytes], record: Weights) -> tuple[str, int]:
    """Copy at most one chunk more than the record's size, so that no server can fill the disk."""
    digest, size = hashlib.sha256(), 0
    with tqdm(total=record.size, desc=record.name, unit="B", unit_scale=True) as bar:
        while size <= record.size and (chunk := answer.read(CHUNK)):
            saved.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
    return digest.hexdigest(), size


# --------------------------------------------------------------------------------------------------- opening


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
    file = Path(path).expanduser()
    if not file.is_file():
        why = "is a folder" if file.is_dir() else "there is no such file"
        raise WeightsError(f"{file}: {why}\n  what would work: the path of a .safetensors, .pth or .pt file")
    with file.open("rb") as opened:
        head = opened.read(512)
    if head[8:9] == b"{" or file.suffix == ".safetensors":
        found = _load_safetensors(file, head)
    elif head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        found = _load_torch(file, head)
    else:
        what, remedy = _describe(file, head)
        raise WeightsError(f"{file}: {what}\n  what would work: {remedy}")
    return _state_dict(file, found)


@contextmanager
def hollow() -> Iterator[None]:
    """Have networks made on "meta", to be given a checkpoint's values.

    They take no memory, and draw no random numbers from a seeded run.  Left to itself torch would fill them there too,
    to no effect, and import its compiler for it, which takes seconds.

    Example:
        >>> import torch
        >>> with hollow():
        ...     network = torch.nn.Conv2d(3, 64, 3)
        >>> network.weight.is_meta
        True
    """
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Leave values on "meta" as they are, which are none."""

    # Functions of `nn.init` that cannot be overridden are known by what they call.
    filling = {name for name in dir(nn.init) if name.endswith("_")} | {"uniform_", "normal_", "eye"}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self.filling:
            filled = kwargs.get("out", args[0] if args else kwargs.get("tensor"))
            if isinstance(filled, Tensor) and filled.is_meta:
                return filled
        return func(*args, **kwargs)


def matched(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], refuse: Callable[[str], WeightsError], prefix: str = ""
) -> dict[str, Tensor]:
    """Return a checkpoint's tensors in float32 if they are those that a network has, and finite numbers.

    Args:
        found: tensors by name.
        expected: those that the network has, as `state_dict()` gives them; their values may be on "meta".
        refuse: makes the error of what is wrong, such as "lacks conv1.bias".
        prefix: of the names in the file, for what is said.

    Raises:
        WeightsError: that of `refuse`.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> matched({"weight": torch.zeros(1, 3)}, layer.state_dict(), WeightsError)
        Traceback (most recent call last):
        ...
        impasto.weights.WeightsError: weight is (1, 3), expected (1, 2)
    """
    for key, value in expected.items():
        if key not in found:
            raise refuse(f"lacks {prefix}{key}")
        if found[key].shape != value.shape:
            raise refuse(f"{prefix}{key} is {tuple(found[key].shape)}, expected {tuple(value.shape)}")
        if not (found[key].is_floating_point() and torch.isfinite(found[key]).all()):
            raise refuse(f"{prefix}{key} has values that are not finite numbers")
    strange = [key for key in found if key not in expected]
    if strange:
        raise refuse(f"has {prefix}{strange[0]}, which is no part of such a network")
    return {key: value.float() for key, value in found.items()}


Networks = TypeVar("Networks", bound=nn.Module | Mapping[str, nn.Module])


def kept(load: Callable[[Path], Networks], path: str | os.PathLike[str], device: torch.device | str | None) -> Networks:
    """Return what a file or folder of weights holds, ready to use: the same networks whenever it is asked for again.

    Args:
        load: reads a network, or several by name.
        path: the file or folder; it is read again when it has changed.
        device: where they compute; None is the CPU.
    """
    given = Path(path).expanduser().resolve()
    files = sorted(given.rglob("*")) if given.is_dir() else [given]
    stamps = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())
    return cast(Networks, _kept(load, given, stamps, torch.device("cpu" if device is None else device)))


@lru_cache(maxsize=24)
def _kept(
    load: Callable[[Path], nn.Module | Mapping[str, nn.Module]], path: Path, stamps: object, device: torch.device
) -> nn.Module | Mapping[str, nn.Module]:
    found = load(path)
    for network in [found] if isinstance(found, nn.Module) else found.values():
        network.eval().requires_grad_(False).to(device)
        if device.type == "cpu":  # where convolutions in bfloat16 are fast in this layout alone
            network.to(memory_format=torch.channels_last)
    return found


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


def _describe(file: Path, head: bytes) -> tuple[str, str]:
    """Say what a file is that is not a checkpoint, and what would work instead."""
    if not head:
        return "an empty file", _AGAIN
    if head.lstrip()[:1] == b"<":
        return "a web page, saved in place of the file it links to", "downloading the file itself"
    for signature, answer in _SIGNATURES.items():
        if head.startswith(signature):
            return answer
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
    """Say how large a safetensors file should be, if its header is whole enough to tell."""
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


def _state_dict(file: Path, found: object) -> dict[str, Tensor]:
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict):
        kind = "one tensor" if isinstance(found, Tensor) else type(found).__name__
        raise WeightsError(f"{file}: holds {kind}, not tensors by name\n  what would work: {_CHECKPOINT}")
    strangers = [str(key) for key, value in found.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if strangers or not found:
        holds = f"has {', '.join(strangers[:5])} beside or instead of tensors" if strangers else "holds nothing"
        raise WeightsError(f"{file}: {holds}\n  what would work: {_CHECKPOINT}")
    if all(key.startswith("module.") for key in found):
        return {key.removeprefix("module."): value for key, value in found.items()}
    return dict(found)
