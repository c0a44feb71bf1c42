"""`impasto serve`: a page in the browser on which one paints, and an API for programs."""

from __future__ import annotations

import argparse
import dataclasses
import os

from .errors import DONE, print_message


def execute(given: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        # It needs starlette and uvicorn, which are an extra.
        from ..web import Settings, serve
    except ImportError as error:
        raise ImportError(
            "serve: needs the packages starlette, uvicorn and python-multipart\n"
            "  what to type: pip install 'impasto[web]'"
        ) from error
    stages = tuple(filter(None, (name.strip() for name in (given.stages or "").split(","))))
    settings = Settings(
        host=given.host,
        port=given.port,
        token=given.token or os.environ.get("IMPASTO_TOKEN", ""),
        workers=given.workers,
        stages=stages,
    )
    bounds = {name: getattr(given, name) for name in ("max_pixels", "max_upload") if getattr(given, name) is not None}
    try:
        serve(dataclasses.replace(settings, **bounds), open_browser=given.open)
    except KeyboardInterrupt:
        print_message("ended")
    return DONE
