"""Pipelines by purpose."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files

import impasto
from impasto.stage import Look, read_looks


@impasto.hookimpl
def impasto_looks() -> Mapping[str, Look]:
    """Offer the looks of the file that ships."""
    with as_file(files(__name__) / "looks.toml") as file:
        return read_looks(file)
