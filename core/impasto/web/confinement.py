"""What a worker gives up before it sees anything of a stranger's: the network, writing, other programs, memory."""

from __future__ import annotations

import os
import sys
from typing import Any

SHARE = 0.75
"""Share of the machine's memory that workers may fill."""
REFUSED = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.chown",
    "os.truncate",
    "os.kill",
    "shutil.",
    "ftplib.",
    "urllib.",
)
"""Events of Python (PEP 578) that end in an error; a name that ends in a dot stands for all that begin so."""


def confine(workers: int, cpu: bool) -> None:
    """Refuse, in this process and for good, what painting does not need: a second wall behind the checks of a request.

    Python asks; a fault in a library of C is not held by it, and goes as far as the user who started the server.

    Args:
        workers: that share the memory.
        cpu: whether it paints on the CPU; drivers of GPUs map more memory than there is.
    """
    if cpu and sys.platform == "linux":
        import resource  # which Windows has not

        most = int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / workers)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        if _writes(arguments[1], arguments[2]) and arguments[0] != os.devnull:
            raise PermissionError("a worker of `impasto serve` writes no file")
    elif any(event.startswith(one) if one.endswith(".") else event == one for one in REFUSED):
        raise PermissionError(f"a worker of `impasto serve` does without {event}")


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
