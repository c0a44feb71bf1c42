"""`impasto new-plugin`: a plugin to begin with."""

from __future__ import annotations

import argparse

from .errors import DONE
from .scaffold import new_plugin


def execute(given: argparse.Namespace) -> int:
    """Write a plugin to begin with, and print what to do with it."""
    folder = new_plugin(given.name, given.kind, given.folder)
    stage = folder.name.removeprefix("impasto-")
    print(
        f"{folder} is a plugin of one {given.kind}, {stage}\n"
        f"  its code:    {next(folder.glob('src/*/__init__.py'))}\n"
        f"  install it:  pip install -e '{folder}[test]'\n"
        f"  test it:     pytest {folder}\n"
        f"  look at it:  impasto plugins"
    )
    return DONE
