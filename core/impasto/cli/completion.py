"""Shell completion of the command line: subcommands, options, stage names and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

SHELLS = ("bash", "zsh", "fish")

BASH = """\
# Completion of impasto for bash; made by `impasto completion bash`. Make it anew after installing a plugin.
_impasto() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} before= words=
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $previous" in
{values}
        esac
        case "${{COMP_WORDS[1]}} $current" in
{options}
        esac
    fi
    if [[ $previous == --with && $current == *,* ]]; then
        before=${{current%,*}},
    fi
    if [[ -n $words ]]; then
        COMPREPLY=( $(compgen -P "$before" -W "$words" -- "${{current##*,}}") )
    fi
}}
complete -o default -F _impasto impasto
"""

ZSH = """\
# Completion of impasto for zsh; made by `impasto completion zsh`. Make it anew after installing a plugin.
autoload -Uz bashcompinit && bashcompinit
"""

FISH = """\
# Completion of impasto for fish; made by `impasto completion fish`. Make it anew after installing a plugin.
"""


def script(shell: str, commands: Mapping[str, argparse.ArgumentParser], names: Mapping[str, Sequence[str]]) -> str:
    """Return the script that makes a shell complete `impasto`; it needs no Python when it runs.

    Args:
        shell: one of `SHELLS`.
        commands: each subcommand's parser.
        names: what stands for itself, by the `dest` of the option or argument that takes it.
    """
    if shell == "fish":
        return FISH + "\n".join(_fish(commands, names)) + "\n"
    values, options = [], []
    for command, parser in commands.items():
        flags: list[str] = []
        for action in parser._actions:
            flags += action.option_strings
            if words := _words(action, names):
                # What stands directly after the subcommand, or after the option.
                leads = [f'"{command} {flag}"' for flag in action.option_strings or [command]]
                values.append(f'            {"|".join(leads)}) words="{" ".join(words)}" ;;')
        options.append(f'            "{command} -"*) words="{" ".join(flags)}" ;;')
    text = BASH.format(commands=" ".join(commands), values="\n".join(values), options="\n".join(options))
    return ZSH + text if shell == "zsh" else text


def _words(action: argparse.Action, names: Mapping[str, Sequence[str]]) -> list[str]:
    return [str(word) for word in action.choices or names.get(action.dest, ())]


def _fish(commands: Mapping[str, argparse.ArgumentParser], names: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for command, parser in commands.items():
        about = _quote(parser.description or "")
        yield f"complete -c impasto -n __fish_use_subcommand -f -a {command} -d {about}"
        inside = f'complete -c impasto -n "__fish_seen_subcommand_from {command}"'
        for action in parser._actions:
            flags = " ".join(
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in action.option_strings
            )
            words = _words(action, names)
            listed = " ".join(words)
            if action.dest == "stages":
                listed = f"(__fish_append , {listed})"  # several, joined by commas
            takes = f" -x -a {_quote(listed)}" if words else " -r" if action.nargs != 0 and flags else ""
            if flags or words:
                about = _quote((action.help or "") % {"default": action.default})
                yield f"{inside} {flags}{takes} -d {about}".replace("  ", " ")


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
