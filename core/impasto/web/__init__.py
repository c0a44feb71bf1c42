"""A server with a page: `impasto serve`, the studio in the browser, and its API."""

from .app import create_app
from .serving import serve
from .settings import Settings

__all__ = ["Settings", "create_app", "serve"]
