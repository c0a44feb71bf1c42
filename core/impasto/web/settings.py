"""What a server is and what it takes: where it listens, who may come in, and how much."""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass

from ..errors import ParameterError, quoted

LEAST_TOKEN = 12
"""Characters of a token that nobody guesses."""
MOST_STAGES = 16
"""Stages of one pipeline."""
MOST_STYLES = 8
"""Style pictures of one job."""
MOST_REGIONS = 12
"""Named regions of one job."""


@dataclass(frozen=True)
class Settings:
    """Where `impasto serve` listens and what it takes.

    Args:
        host: address to listen on.
        port: to listen on; 0 takes one that is free.
        token: what a visitor has to know; required where others than this machine reach the host.
        max_pixels: of a picture that is sent, and of what is painted.
        max_upload: bytes of one request.
        workers: processes that paint; 0: one for each GPU, else one.
        stages: names of the stages that a request may use; empty: all that are installed.
        waiting: jobs that may wait.
        waiting_each: jobs that may wait or be painted for one client.
        work: pixels times steps of one job.
        seconds: after which a job is stopped and keeps what there is.
        kept_seconds: for which a finished picture can be fetched.
        kept_bytes: of finished pictures; beyond, the oldest go.
        patience: seconds after which a job is stopped that nobody asks for.

    Raises:
        ParameterError: no token where one is needed, or a number out of its range.

    Example:
        >>> Settings().host
        '127.0.0.1'
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    max_pixels: int = 40_000_000
    max_upload: int = 64 << 20
    workers: int = 0
    stages: tuple[str, ...] = ()
    waiting: int = 64
    waiting_each: int = 24
    work: float = 4e9
    seconds: float = 1800
    kept_seconds: float = 900
    kept_bytes: int = 512 << 20
    patience: float = 45

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ParameterError(f"port = {self.port} does not fit\n  what would work: 0 to 65535, such as 8765")
        for name, least, most in (
            ("max_pixels", 1024, 1_000_000_000),
            ("max_upload", 1024, 1 << 31),
            ("workers", 0, 64),
        ):
            if not least <= getattr(self, name) <= most:
                raise ParameterError(
                    f"{name} = {getattr(self, name):,} does not fit\n  what would work: {least:,} to {most:,}"
                )
        if not self.token and not self.is_loopback:
            raise ParameterError(
                f"others than this machine reach {quoted(self.host)}, so a token is needed\n"
                f"  what to type: token='{secrets.token_urlsafe(16)}', or the same in the environment as IMPASTO_TOKEN"
            )
        if self.token and (len(self.token) < LEAST_TOKEN or not self.token.isascii() or not self.token.isprintable()):
            raise ParameterError(
                f"the token has {len(self.token)} characters, or such as no address has\n"
                f"  what would work: {LEAST_TOKEN} letters and digits or more, such as {secrets.token_urlsafe(16)}"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone reaches the host."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name, of which nobody knows what it will mean
            return False

    def allows_host(self, header: str) -> bool:
        """Return whether a request names a host that this server is; a name that others can point here is none.

        Args:
            header: the header `Host`, with or without a port.

        Example:
            >>> Settings().allows_host("127.0.0.1:8765"), Settings().allows_host("evil.example:8765")
            (True, False)
        """
        name = header.rpartition("]")[0].lstrip("[") or header.partition(":")[0]
        name = name.lower()
        if name == "localhost" or (name == self.host.lower() and not self.is_loopback):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            # Machines in a home go by such names, which no server outside it gives out.
            return not self.is_loopback and name in _own_names()
        return address.is_loopback or not self.is_loopback


def _own_names() -> set[str]:
    name = os.uname().nodename.lower() if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "").lower()
    return {name, f"{name}.local"} if name else set()
