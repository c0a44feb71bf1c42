"""The page and what it loads, read into memory when the server starts: no request opens a file."""

from __future__ import annotations

import hashlib
import importlib.resources
from typing import NamedTuple

KINDS = {
    "html": "text/html",
    "js": "text/javascript",
    "css": "text/css",
    "json": "application/json",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
"""Media types, by suffix."""


class Page(NamedTuple):
    """A file that is sent as it is."""

    body: bytes
    kind: str
    etag: str


def pages() -> dict[str, Page]:
    """Return every file of the page by the address that it has.

    Example:
        >>> pages()["/"].kind
        'text/html'
    """
    found = {}
    for file in (importlib.resources.files(__package__) / "static").iterdir():
        if (kind := KINDS.get(file.name.rpartition(".")[2])) is not None:
            body = file.read_bytes()
            found[f"/{file.name}"] = Page(body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return found | {"/": found["/index.html"], "/api": found["/api.html"]}
