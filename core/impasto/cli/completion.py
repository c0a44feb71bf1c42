"""`impasto completion`: a script by which a shell completes commands, options, stages and files.

The script is made by shtab and knows the stages that are installed when it is made: completing starts no Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import shtab

from ..errors import PluginError
from ..host import Host, get_host
from ..stage import Declared, Stage
from .errors import DONE, print_message
from .parser import CommandLineParser, command_line_parser
from .plugin_commands import plugin_commands

FILES = ("content", "style", "out", "mask", "pipeline", "record")
"""Arguments that are files or folders."""


def execute(given: argparse.Namespace) -> int:
    """Print a script that completes the command line."""
    print(completion_script(given.shell, get_host()))
    return DONE


def completion_script(shell: str, host: Host) -> str:
    """Return the script that makes a shell complete `impasto`.

    Args:
        shell: "bash", "zsh" or "fish".
        host: whose names are completed: stages for `--with`, watchers for `--watch`, trainers for `impasto train`, and
            all there are for `impasto plugins`; a file behind a parameter that names one, as in `mask-file:path=`, and
            a preset behind `gatys:preset=`.
    """
    parser = command_line_parser()
    for command in plugin_commands(parser).values():
        try:
            command.complete()
        except PluginError as error:  # the others are completed
            print_message(str(error))
    _describe(parser, host)
    return shtab.complete(parser, shell)


def _describe(parser: CommandLineParser, host: Host) -> None:
    """Tell shtab what stands for each argument that has no choices of its own."""
    stages, watchers = _functions("stage", host.stages), _functions("watcher", host.watchers)
    preamble = {shell: f"{stages[shell]}\n\n{watchers[shell]}" for shell in ("bash", "zsh")}
    joined = {
        "stages": _joined(host.stages, "_impasto_stages", preamble),
        "watch": _joined(host.watchers, "_impasto_watchers", preamble),
    }
    for command, subparser in parser.commands.items():
        for action in subparser._actions:  # argparse has no public way to them; shtab reads them likewise
            if action.dest in joined:
                action.complete = joined[action.dest]  # type: ignore[attr-defined]
            elif action.dest == "name" and command == "plugins":
                names = (name for one in host.distributions for names in host.offers(one).values() for name in names)
                action.choices = sorted(set(names))
            elif action.dest == "trainer":
                action.choices = list(host.trainers)
            elif action.dest == "folder":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.dest in FILES and command != "completion":
                action.complete = shtab.FILE  # type: ignore[attr-defined]


def _joined(names: Mapping[str, type[Declared]], function: str, preamble: Mapping[str, str]) -> dict[str, Any]:
    """Return what completes names that are joined by commas; shtab takes one preamble, which has every function."""
    presets = (f"{name}:preset={one}" for name, known in _presets(names).items() for one in known.split())
    fish = f"(__fish_append , {' '.join([*names, *presets])})"
    return {"bash": function, "zsh": function, "fish": fish, "preamble": preamble}


def _functions(kind: str, offered: Mapping[str, type[Declared]]) -> dict[str, str]:
    """Return, by shell, the function that completes names, presets, and files behind a parameter that names one."""
    names, function = " ".join(offered), f"_impasto_{kind}s"
    named = {one.name for kind in offered.values() for one in kind.parameters().values() if one.reads or one.writes}
    files = "|".join(sorted(named)) or "-"
    presets = _presets(offered)
    choice = "".join(
        f'    {name}) compgen -P "${{typed%=*}}=" -W "{known}" -- "${{typed##*=}}" ;;\n'
        for name, known in presets.items()
    )
    choice = choice and (
        "  if [[ $typed =~ ^(.*,)?\\ *([^,:]*):([^,]*:)?preset=[^,:=]*$ ]]; then\n"
        f"    case ${{BASH_REMATCH[2]}} in\n{choice}    esac\n    return\n  fi\n"
    )
    bash = (
        f"{function}() {{\n"
        "  local typed=${1#[\\'\\\"]} before=\n"
        f"  if [[ $typed =~ ^.*:({files})=[\\'\\\"]? ]]; then\n"
        '    compgen -P "$BASH_REMATCH" -f -- "${typed#"$BASH_REMATCH"}"\n'
        "    return\n"
        "  fi\n"
        f"{choice}"
        "  [[ $typed == *,* ]] && before=${typed%,*},\n"
        f'  compgen -P "$before" -W "{names}" -- "${{typed##*,}}"\n'
        "}"
    )
    choice = "".join(
        f"  elif compset -P '(*,|) #{name}:([^,]#:|)preset='; then compadd -- {known}\n"
        for name, known in presets.items()
    )
    zsh = (
        f"{function}() {{\n  setopt localoptions extendedglob\n  if compset -P '*:({files})='; then _files\n{choice}"
        f"  else _values -s , {kind} {names}\n  fi\n}}"
    )
    return {"bash": bash, "zsh": zsh}


def _presets(offered: Mapping[str, type[Declared]]) -> dict[str, str]:
    """Return the names of presets, joined by spaces, by the stages that have some."""
    stages = {name: one for name, one in offered.items() if issubclass(one, Stage) and one.presets}
    return {name: " ".join(stage.presets) for name, stage in stages.items()}
