"""Commands that plugins add, `impasto NAME …`: found without loading a plugin, given their options when chosen."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import PluginError, quoted
from .errors import DONE, print_message, print_warning

Execute = Callable[[argparse.Namespace], "int | None"]

RESERVED = ("command", "traceback")
"""What the command line itself keeps of what was typed."""


class PluginCommand:
    """A command that a plugin offers.

    Args:
        name: of the command.
        add_options: adds its options to a parser, and returns what runs it.
        distribution: which offers it, for messages.
        parser: of the command.
    """

    def __init__(
        self, name: str, add_options: Callable[[Any], Execute], distribution: str, parser: argparse.ArgumentParser
    ) -> None:
        self.name, self.distribution, self.parser = name, distribution, parser
        self._add_options = add_options
        self._execute: Execute | None = None

    def complete(self) -> None:
        """Give the parser the command's options.

        Raises:
            PluginError: the plugin's function failed, returned nothing that runs, or took a reserved name.
        """
        try:
            execute = self._add_options(self.parser)
        except Exception as error:
            raise PluginError(
                f"{self.distribution}: the options of its command {self.name} could not be added\n"
                f"  {type(error).__name__}: {error}"
            ) from error
        if not callable(execute):
            raise PluginError(
                f"{self.distribution}: what adds the options of its command {self.name} gave back {quoted(execute)}\n"
                "  what would work: to return the function that runs the command, def run(given): ..."
            )
        # argparse has no public way to them.  The first is its --traceback, which it has as every command.
        taken = [action.dest for action in self.parser._actions if action.dest in RESERVED]
        if taken != ["traceback"]:
            raise PluginError(
                f"{self.distribution}: its command {self.name} has an argument called {taken[-1]!r}, which is taken\n"
                f"  what to type: another dest=…, none of {', '.join(RESERVED)}"
            )
        self._execute = execute

    def execute(self, given: argparse.Namespace) -> int:
        """Run the command and return its exit code.

        Raises:
            PluginError: it gave back something other than an exit code.
        """
        assert self._execute is not None, "complete() comes before"
        code = self._execute(given)
        if code is not None and type(code) is not int:
            raise PluginError(
                f"{self.distribution}: its command {self.name} gave back {quoted(code)}\n"
                "  what would work: None or 0 where it is done, 1 where something failed"
            )
        return DONE if code is None else code


def plugin_commands(parser: Any) -> dict[str, PluginCommand]:
    """Add the commands of plugins to the command line's parser and return them by name; Impasto's own stay its own.

    Args:
        parser: of the command line, with `commands`, `listed` and `common`.

    Raises:
        LookupError: IMPASTO_PLUGINS names what is not installed.
    """
    if not any(map(_may_have_commands, _plugin_modules())):
        return {}
    from ..host import get_host  # loads torch and every plugin

    with warnings.catch_warnings():
        warnings.showwarning = print_warning
        offered = get_host().commands
    for distribution, why in get_host().broken.items():
        print_message(f"{distribution} did not load: {why}")
    added = {}
    for name, add_options in offered.items():
        if name in parser.commands:
            continue
        about = (inspect.getdoc(add_options) or "").partition("\n")[0]
        distribution = get_host().distribution(add_options)
        one = parser.listed.add_parser(
            name,
            help=f"{about[:1].lower()}{about[1:].rstrip('.')} ({distribution})".lstrip().replace("%", "%%"),
            description=about.replace("%", "%%"),
            parents=[parser.common],
            formatter_class=parser.formatter_class,
        )
        added[name] = PluginCommand(name, add_options, distribution, one)
    return added


def _plugin_modules() -> Iterator[str]:
    for point in importlib.metadata.entry_points(group="impasto"):
        yield point.module.partition(".")[0]


def _may_have_commands(module: str) -> bool:
    """Return whether a plugin's source names the hook: loading all plugins takes seconds, and few have commands."""
    spec = importlib.util.find_spec(module)
    if spec is None:
        return False
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in folder.rglob("*.py")] if folders else [Path(spec.origin or "")]
    # Of what is no file, such as a module in an archive, nothing can be said before it is loaded.
    return not files or any(not file.is_file() or b"impasto_commands" in file.read_bytes() for file in files)
