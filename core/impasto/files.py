"""Files: found by name, folder and pattern, and written whole or not at all, never over an input."""

from __future__ import annotations

import contextlib
import difflib
import errno
import functools
import glob
import hashlib
import os
import platform
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from typing_extensions import Self

from .errors import PictureError

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


def local_path(name: str | os.PathLike[str]) -> Path:
    """Return the path that a name means: `~` is the home folder, unless a file is called so or no such user is there.

    Example:
        >>> str(local_path("~x.png"))
        '~x.png'
    """
    return Path(name if os.path.lexists(name) else os.path.expanduser(name))


def check_target(path: Path, inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raise where a file cannot be made at `path`, or where that is one of the inputs, by whatever name.

    It is tried, so that nobody learns after hours of painting that the folder is read-only.

    Raises:
        IsADirectoryError: a folder stands there.
        FileNotFoundError: the folder for it is missing.
        PictureError: it is an input, or something that is no file, such as a device.
        OSError: the name is too long, the folder cannot be written to, or the file that is there is write-protected.
    """
    check_targets([path], inputs)


def check_targets(paths: Iterable[Path], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raise where one of many files cannot be made: see `check_target`."""
    sources: dict[tuple[int, int], Path] | None = None
    folders: dict[Path, Path] = {}
    for path in paths:
        target = _target(path)
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


def _target(path: Path) -> Path:
    """Return where the links of a path lead; raise unless a file may be made or replaced there."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"{path}: there is no folder {path.parent}\n  what would work: make it, or check the spelling"
            ) from None
        return target
    except OSError as error:
        raise write_error(path, error) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path}: is a folder\n  what would work: a file in it, {path / 'painted.png'}")
    if not stat.S_ISREG(mode):  # the renaming would put a file in place of /dev/null
        raise PictureError(f"{path}: is no file, but a device or a pipe\n  what would work: the name of a file")
    return target


def is_among(path: Path, inputs: Iterable[str | os.PathLike[str]]) -> bool:
    """Return whether a file is one of the inputs, by whatever name."""
    return path.exists() and _identity(path) in _identities(inputs)


def _identities(paths: Iterable[str | os.PathLike[str]]) -> dict[tuple[int, int], Path]:
    """Return files by what the system knows them by, whatever name or link leads to them."""
    files = {}
    for path in map(Path, paths):
        with contextlib.suppress(OSError):
            files[_identity(local_path(path))] = path
    return files


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def existing_file(source: str | os.PathLike[str]) -> Path:
    """Return the path of a file that is there.

    Raises:
        PictureError: an address of the internet, or no regular file: a device, a pipe, a socket.
        IsADirectoryError: a folder.
        FileNotFoundError: no such file; the message suggests the nearest name.
    """
    if isinstance(source, str) and "://" in source:
        raise PictureError(f"{source}: is an address\n  what would work: download it first and give its path")
    path = local_path(source)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder\n  what would work: a file in it, {path / 'photo.jpg'}")
    if path.is_file():
        return path
    if path.exists():  # reading could wait, or go on, for ever
        raise PictureError(
            f"{path}: is no regular file but a device, a pipe or a socket\n"
            "  what would work: a file; copy what comes from there into one first"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path}: there is no such file, and no folder {path.parent}\n  what would work: check the spelling"
        )
    near = difflib.get_close_matches(path.name, [file.name for file in path.parent.iterdir() if file.is_file()], 1)
    hint = (
        f"did you mean '{path.with_name(near[0])}'?" if near else "what would work: check the folder and the spelling"
    )
    raise FileNotFoundError(f"{path}: there is no such file\n  {hint}")


class PartFile:
    """A file in the making: under a temporary name in the folder of its own until it is whole.

    The temporary name says which process of which machine writes it, so that what a killed run leaves behind is
    removed by a later one that writes into that folder.  A context manager, which leaves no temporary file.

    Args:
        path: the file to be; a link stays a link.
        suffix: what the temporary name ends in, for libraries that take a format from it.

    Raises:
        OSError: no file can be made there; says what would work.
    """

    def __init__(self, path: Path, suffix: str = "") -> None:
        self.wanted = path
        self.target = _target(path)
        self.path = part_path(self.target, suffix)
        try:
            with self.path.open("xb") as file:
                self._mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        except OSError as error:
            raise write_error(path, error) from error

    def publish(self, path: Path | None = None) -> None:
        """Give the file its name, or another one in the same folder; whoever looks finds the old or the new."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        if stat.S_IMODE(self.path.stat().st_mode) != self._mode:  # safetensors makes files that only their owner reads
            self.path.chmod(self._mode)
        os.replace(self.path, self.target if path is None else _target(path))

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        with contextlib.suppress(OSError):  # raised here, it would hide why the file is not whole
            self.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it that name: the whole file is there or nothing.

    What was there before stays until then, also when the program is killed; a link stays a link.

    Raises:
        OSError: of the kind that the system raised, with what to do.
    """
    with PartFile(path) as part:
        try:
            write(part.path)
            part.publish()
        except OSError as error:
            raise write_error(path, error if error.errno else _disk_error(part.path) or error) from error
        except Exception as error:
            # Torch and safetensors have their own words for a full disk.
            full = _disk_error(part.path)
            if full is None:
                raise
            raise write_error(path, full) from error


def _disk_error(part: Path) -> OSError | None:
    """Return what the system says to a mebibyte more in a file that could not be written; None if it has room."""
    try:
        with part.open("ab") as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


REMEDIES = {
    errno.ENOSPC: "free space on that disk, or a folder on another one",
    errno.EDQUOT: "free space within the quota, or a folder on another disk",
    errno.EFBIG: "a smaller file, or a higher limit: ulimit -f",
    errno.EROFS: "a folder that is not read-only",
    errno.EACCES: "a folder that you may write to, or permission to write there",
    errno.EPERM: "a folder that you may write to, or permission to write there",
    errno.ENAMETOOLONG: "a shorter name",
}
"""What would work where the system refuses to write, by its error number."""


def write_error(path: Path, error: OSError) -> OSError:
    """Return an error of the system's kind that says which file could not be written, why, and what would work."""
    remedy = REMEDIES.get(error.errno or 0, "check the folder's permissions and the space left, or another folder")
    kind = type(OSError(error.errno, "")) if error.errno else OSError
    explained = kind(
        f"{path}: could not be written ({error.strerror or error}), and is what it was\n  what would work: {remedy}"
    )
    explained.errno = error.errno
    return explained


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Raises:
        FileExistsError: a file stands there.
        OSError: of the kind that the system raised, with what to do.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FileExistsError(
            f"{path}: a folder cannot be made here, as there is a file of this name on the way\n"
            "  what would work: another name"
        ) from error
    except OSError as error:
        raise write_error(path, error) from error


def part_path(target: Path, suffix: str = "") -> Path:
    """Return a new temporary name in the folder of a file or folder, in which what killed runs left is removed."""
    _remove_leftovers(target.parent, os.getpid())
    return target.with_name(f".impasto-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.part{suffix}")


_PART = re.compile(
    rf"\.impasto-([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}\.part({'|'.join(map(re.escape, (*PICTURES, *VIDEOS)))})?"
)
DAY = 24 * 60 * 60
"""Seconds after which a temporary file of another machine, of which no more is known, counts as left behind."""


@functools.lru_cache(maxsize=1024)
def _remove_leftovers(folder: Path, pid: int) -> None:
    """Remove the temporary files of killed runs; once in a process, since the folder may hold a million others."""
    try:
        with os.scandir(folder) as found:
            entries = [(entry, named) for entry in found if (named := _PART.fullmatch(entry.name))]
    except OSError:  # a folder that may be written to, but not listed
        return
    for entry, named in entries:
        with contextlib.suppress(OSError):  # what cannot be removed, or just was by another run, does no harm
            if _is_leftover(entry, named[1], int(named[2])):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _is_leftover(entry: os.DirEntry[str], machine: str, pid: int) -> bool:
    """Return whether the process that made a temporary file is no more."""
    if machine == _machine() and os.name == "posix":  # elsewhere signal 0 is not harmless
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):  # another user's
            return False
        return False
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > DAY


@functools.cache
def _machine() -> str:
    """Return a word for where process numbers hold: this machine since its start, or this container."""
    try:
        where = Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        where = f"{platform.node()} {uuid.getnode()}"
    return hashlib.sha256(where.encode()).hexdigest()[:8]


def expand(paths: Iterable[str]) -> list[Path]:
    """Return the pictures that files, folders and patterns name, each once; frame-9 comes before frame-10.

    Files whose names begin with a dot are left out, unless they are named themselves.

    Raises:
        ValueError: a folder or pattern in which there is none.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = local_path(text)
        if path.is_dir():
            files = sorted(files_in(path, PICTURES), key=natural_order)
        elif not path.exists() and glob.has_magic(text):
            matches = map(Path, glob.glob(str(path), recursive=True))
            files = sorted(filter(Path.is_file, matches), key=natural_order)
        else:
            files = [path]
        if not files:
            raise ValueError(f"there are no pictures in {text}\n  looked for: {', '.join(PICTURES)}")
        found.update(dict.fromkeys(files))
    return list(found)


def files_in(folder: Path, suffixes: Collection[str], *, recursive: bool = False) -> Iterator[Path]:
    """Yield the files of a folder that end in one of some suffixes, of any case, in no order.

    Names that begin with a dot are left out: what systems put beside the files of people, such as `._photo.jpg`.
    """
    for path in folder.rglob("*") if recursive else folder.iterdir():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not hidden and not path.is_dir():
            yield path


def natural_order(path: Path) -> list[Any]:
    """Return a key by which frame-9 comes before frame-10."""
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
