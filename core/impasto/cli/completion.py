"""`impasto completion`: a script by which a shell completes commands, options, stages and files.

The script is made by shtab and knows the stages that are installed when it is made: completing starts no Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import shtab

from ..errors import PluginError
from ..host import get_host
from .errors import DONE, print_message
from .parser import CommandLineParser, command_line_parser
from .plugin_commands import plugin_commands

FILES = ("content", "style", "out", "mask", "pipeline", "record")
"""Arguments that are files or folders."""


def execute(given: argparse.Namespace) -> int:
    """Print a script that completes the command line."""
    stages = get_host().stages
    files = {one.name for stage in stages.values() for one in stage.parameters().values() if one.reads or one.writes}
    print(completion_script(given.shell, list(stages), list(get_host().trainers), sorted(files)))
    return DONE


def completion_script(shell: str, stages: Sequence[str], trainers: Sequence[str], files: Sequence[str] = ()) -> str:
    """Return the script that makes a shell complete `impasto`.

    Args:
        shell: "bash", "zsh" or "fish".
        stages: names for `--with`, where several are joined by commas, and for `impasto plugins`.
        trainers: names for `impasto train`.
        files: parameters of stages behind which a file is named, as in `mask-file:path=`.
    """
    parser = command_line_parser()
    for command in plugin_commands(parser).values():
        try:
            command.complete()
        except PluginError as error:  # the others are completed
            print_message(str(error))
    _describe(parser, stages, trainers, files)
    return shtab.complete(parser, shell)


def _describe(parser: CommandLineParser, stages: Sequence[str], trainers: Sequence[str], files: Sequence[str]) -> None:
    """Tell shtab what stands for each argument that has no choices of its own."""
    names = " ".join(stages)
    joined = {
        "bash": "_impasto_stages",
        "zsh": "_impasto_stages",
        "fish": f"(__fish_append , {names})",
        "preamble": {
            "bash": "_impasto_stages() {\n"
            "  local typed=${1#[\\'\\\"]} before=\n"
            f"  if [[ $typed =~ ^.*:({'|'.join(files) or '-'})=[\\'\\\"]? ]]; then\n"
            '    compgen -P "$BASH_REMATCH" -f -- "${typed#"$BASH_REMATCH"}"\n'
            "    return\n"
            "  fi\n"
            "  [[ $typed == *,* ]] && before=${typed%,*},\n"
            f'  compgen -P "$before" -W "{names}" -- "${{typed##*,}}"\n'
            "}",
            "zsh": "_impasto_stages() {\n"
            f"  if compset -P '*:({'|'.join(files) or '-'})='; then _files\n"
            f"  else _values -s , stage {names}\n"
            "  fi\n"
            "}",
        },
    }
    for command, subparser in parser.commands.items():
        for action in subparser._actions:  # argparse has no public way to them; shtab reads them likewise
            if action.dest == "stages":
                action.complete = joined  # type: ignore[attr-defined]
            elif action.dest == "stage":
                action.choices = stages
            elif action.dest == "trainer":
                action.choices = trainers
            elif action.dest == "folder":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.dest in FILES and command != "completion":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
