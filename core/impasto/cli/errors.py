"""Messages and exit codes of the command line: what an error says, and what a shell is told."""

from __future__ import annotations

import sys
import traceback
from contextvars import ContextVar
from typing import Any

from ..errors import PluginError, StageError, UnknownNameError, WeightsError
from .wording import command_line_words

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


command_typed: ContextVar[str] = ContextVar("command_typed", default="paint")
"""Which command is at work, whose words a message speaks."""


def print_message(text: str) -> None:
    """Write a message to standard error, clear of any progress bar, without letters that a terminal obeys."""
    text = terminal_text(text)
    # Where no bar was ever drawn, there is none to keep clear of, and tqdm takes a while to load.
    bars = sys.modules.get("tqdm")
    if bars is None:
        print(f"impasto: {text}", file=sys.stderr)
    else:
        bars.tqdm.write(f"impasto: {text}", file=sys.stderr)


def terminal_text(text: str) -> str:
    """Return a text with those letters written out that a terminal obeys, such as escapes.

    Example:
        >>> terminal_text("a\\x1b]0;b")
        'a\\\\x1b]0;b'
    """
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)


def report_error(error: Exception, trace: bool, context: str = "") -> int:
    """Print what an error means and return the exit code; a fault of the program shows its trace.

    Args:
        error: what was raised.
        trace: whether to show the trace of any error.
        context: what stands before the message, such as the picture's name and a colon.
    """
    code = exit_code_of(error)
    if code is None or trace:
        traceback.print_exception(error)
    if code is None:
        print_message(
            f"{context}this is a fault in Impasto or a plugin, not of yours\n"
            "  what to do: report it with the lines above and what `impasto report` prints"
        )
        return FAILED
    # Where the message is another's, its place may be needed to make sense of it.
    hint = "\n  where it happened: the same command with --traceback" if error.__cause__ and not trace else ""
    print_message(f"{context}{in_words_of_the_command(str(error))}{hint}")
    return code


def in_words_of_the_command(message: str) -> str:
    """Return a message of the library in the words of the command that was typed."""
    return command_line_words(message, command_typed.get())


def print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Write a warning as a sentence: where in our code it was raised is nobody's business here."""
    print_message(f"warning: {in_words_of_the_command(str(message))}")


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of an error whose message says what to do; None for any other."""
    # KeyError and IndexError are LookupErrors, ModuleNotFoundError an ImportError: not meant for users.
    if isinstance(error, (ValueError, FileNotFoundError, FileExistsError, IsADirectoryError)):
        return MISUSED
    if type(error) in (LookupError, UnknownNameError):
        return MISUSED
    if isinstance(error, (StageError, WeightsError, PluginError, FloatingPointError, OSError)):
        return FAILED
    return FAILED if type(error) is ImportError else None
