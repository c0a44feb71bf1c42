"""What the server and its workers say to each other: a line of JSON and pictures as bytes; nothing is unpickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

LONGEST_HEADER = 1 << 20
"""Bytes of the JSON of a message."""
LONGEST_PICTURE = 1 << 31
"""Bytes of a picture in a message."""


class Message(NamedTuple):
    """What one says to the other."""

    header: dict[str, Any]
    pictures: Sequence[bytes] = ()


def send(connection: Connection, message: Message) -> None:
    """Send a message; one thread at a time.

    Raises:
        OSError: the other one is no more.
    """
    header = {**message.header, "pictures": len(message.pictures)}
    connection.send_bytes(json.dumps(header).encode())
    for picture in message.pictures:
        connection.send_bytes(picture)


def receive(connection: Connection) -> Message:
    """Wait for a message and return it.

    Raises:
        EOFError: the other one is no more.
        OSError: likewise, or what it says is too long.
    """
    header = json.loads(connection.recv_bytes(LONGEST_HEADER))
    count = header.pop("pictures")
    return Message(header, [connection.recv_bytes(LONGEST_PICTURE) for _ in range(count)])
