"""Versions of installed distributions."""

from __future__ import annotations

import importlib.metadata


def version(distribution: str) -> str:
    """Return an installed distribution's version, or `unknown` for a bare checkout."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
