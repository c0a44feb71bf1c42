"""The server at work: it listens, says where, and ends with its workers."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import webbrowser
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import create_app
from .protection import LONGEST_HEAD
from .settings import Settings

SLOWEST_HEAD = 15.0
"""Seconds in which the head of a first request has to be here."""
MOST_CONNECTIONS = 256
"""Connections at once."""


class Protocol(H11Protocol):
    """HTTP, for those who say what they want: a connection that stays silent, or says it slowly, is closed."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the head of a request."""
        super().connection_made(transport)
        self._head = self.loop.call_later(SLOWEST_HEAD, self._silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head.cancel()
        super().connection_lost(exc)

    def _silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()


def serve(settings: Settings, open_browser: bool = False, ready: threading.Event | None = None) -> None:
    """Serve until interrupted.

    Args:
        settings: where, and what it takes.
        open_browser: whether the page is opened in the browser of this machine.
        ready: set when the server listens.

    Raises:
        OSError: the port is taken, or the address is none of this machine's.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # which tells of every misshapen request
    listening = _listen(settings)
    port = listening.getsockname()[1]
    address = f"http://{_shown(settings.host)}:{port}/"
    whole = f"{address}?token={settings.token}" if settings.token else address
    config = uvicorn.Config(
        create_app(settings),
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,  # which would write the token down
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=3,
    )
    print(f"Impasto is at {whole}\n(Ctrl-C ends it; nothing is kept)", flush=True)
    if open_browser:
        threading.Timer(0.5, webbrowser.open, [whole]).start()
    if ready is not None:
        ready.set()
    asyncio.run(uvicorn.Server(config).serve([listening]))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OSError(
            f"{settings.host}, port {settings.port}: {error.strerror or error}\n"
            "  what would work: port=0, which takes one that is free"
        ) from None
    return listening


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # every address of this machine, of which one has to be typed
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
