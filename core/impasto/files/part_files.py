"""Files written: under a temporary name until they are whole, which a kill leaves and a later run removes."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import hashlib
import os
import platform
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from typing_extensions import Self

from ..errors import MissingFileError, PictureError
from .finding import PICTURES, VIDEOS


class PartFile:
    """A file in the making: under a temporary name in the folder of its own until it is whole.

    The temporary name says which process of which machine writes it, so that what a killed run leaves behind is
    removed by a later one that writes into that folder.  A context manager, which leaves no temporary file.

    Args:
        path: the file to be; a link stays a link.
        suffix: what the temporary name ends in, for libraries that take a format from it.

    Raises:
        OSError: no file can be made there; says what would work.

    Example:
        >>> import tempfile
        >>> with PartFile(Path(tempfile.mkdtemp(), "note.txt")) as part:
        ...     _ = part.path.write_text("whole")
        ...     part.publish()
        >>> part.target.read_text()
        'whole'
    """

    def __init__(self, path: Path, suffix: str = "") -> None:
        self.wanted = path
        self.target = link_target(path)
        self.path = part_path(self.target, suffix)
        _unfinished.add(self.path)
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
        os.replace(self.path, self.target if path is None else link_target(path))

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        with contextlib.suppress(OSError):  # raised here, it would hide why the file is not whole
            self.path.unlink()
        _unfinished.discard(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


_unfinished: set[Path] = set()
"""Temporary files of this process: an interruption can come between any two instructions."""


@atexit.register
def _discard_unfinished() -> None:
    for path in _unfinished:
        if f"-{os.getpid()}-" in path.name:  # not those of a process that this one was forked from
            with contextlib.suppress(OSError):
                path.unlink()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it that name: the whole file is there or nothing.

    What was there before stays until then, also when the program is killed; a link stays a link.

    Args:
        path: of the file to be.
        write: gets the temporary path.

    Raises:
        OSError: of the kind that the system raised, with what to do.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "note.txt")
        >>> write_atomically(file, lambda temporary: temporary.write_text("whole"))
        >>> file.read_text()
        'whole'
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
    """Return an error of the system's kind that says which file could not be written, why, and what would work.

    Args:
        path: of the file that was to be.
        error: the system's.

    Example:
        >>> import errno
        >>> print(write_error(Path("out.png"), OSError(errno.ENOSPC, "No space left on device")))
        out.png: could not be written (No space left on device), and is what it was
          what would work: ...
    """
    remedy = REMEDIES.get(error.errno or 0, "check the folder's permissions and the space left, or another folder")
    kind = type(OSError(error.errno, "")) if error.errno else OSError
    explained = kind(
        f"{path}: could not be written ({error.strerror or error}), and is what it was\n  what would work: {remedy}"
    )
    explained.errno = error.errno
    return explained


def link_target(path: Path) -> Path:
    """Return where the links of a path lead; raise unless a file may be made or replaced there."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not target.parent.is_dir():
            raise MissingFileError(
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


def part_path(target: Path, suffix: str = "") -> Path:
    """Return a new temporary name in the folder of a file or folder, in which what killed runs left is removed.

    Args:
        target: the file or folder to be.
        suffix: what the name ends in.

    Example:
        >>> import tempfile
        >>> part_path(Path(tempfile.mkdtemp(), "out.png"), ".png").suffixes
        ['.part', '.png']
    """
    _remove_leftovers(target.parent, os.getpid())
    return target.with_name(f".impasto-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.part{suffix}")


_SUFFIXES = "|".join(map(re.escape, (*PICTURES, *VIDEOS, ".apng")))
_PART = re.compile(rf"\.impasto-([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}\.part(?i:{_SUFFIXES})?")
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
