"""The command line: `impasto paint | run | demo | train | plugins | new-plugin | weights | report | completion`."""

from .entry import main

__all__ = ["main"]
