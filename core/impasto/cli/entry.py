"""The entry of the command line: arguments in, exit code out."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..errors import PluginError
from .errors import FAILED, INTERRUPTED, MISUSED, command_typed, print_message, print_warning, report_error
from .parser import command_line_parser
from .plugin_commands import PluginCommand
from .signals import ending_signals_interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something failed, 2 misused, 130 interrupted.

    SIGTERM and SIGHUP interrupt as Ctrl-C does; the code is then 143 or 129, as shells have it.

    Args:
        arguments: what stands behind `impasto` on the command line; None takes it from there.

    Raises:
        SystemExit: `--help`, `--version`, or arguments that argparse refuses.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console of few letters must not end the program
    parser = command_line_parser()
    try:
        given = parser.parse_args(arguments)
    except (LookupError, PluginError) as error:  # of a plugin's command
        return report_error(error, trace="--traceback" in (sys.argv if arguments is None else arguments))
    if given.command is None:
        parser.print_help()
        return MISUSED
    given.traceback |= os.environ.get("IMPASTO_TRACEBACK", "0") not in ("", "0")
    with ending_signals_interrupt() as signals:
        code = _execute(given, parser.plugin_commands.get(given.command))
    return 128 + signals[0] if signals and code == INTERRUPTED else code


def _execute(given: argparse.Namespace, plugin: PluginCommand | None) -> int:
    command_typed.set(given.command)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = print_warning
            # Each command is a room of its own, which is loaded, with torch if it needs it, when it is chosen.
            room: Any = plugin or importlib.import_module(f".{given.command.replace('-', '_')}", __package__)
            code: int = room.execute(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print_message("interrupted" if plugin else "interrupted; nothing was written")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return report_error(error, given.traceback)
