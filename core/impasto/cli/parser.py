"""The parser of the command line: every command with its options and their help.

Nothing here loads torch: help, mistyped options and completion come at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from .arguments import positive_integer
from .options import add_evaluate, add_max_pixels, add_paint, add_run, add_serve, add_sheet
from .plugin_commands import PluginCommand, plugin_commands
from .scaffold import KINDS

SHELLS = ("bash", "zsh", "fish")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Formats help with a wide column of options."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{**settings, "max_help_position": 28})


class CommandLineParser(argparse.ArgumentParser):
    """The parser of `impasto` itself.

    Args:
        settings: as of any parser.
    """

    listed: argparse._SubParsersAction[argparse.ArgumentParser]
    """Where commands are added."""
    common: argparse.ArgumentParser
    """Options that every command has."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, argparse.ArgumentParser] = {}
        """The parser of each command of Impasto's own, by the command's name."""
        self.plugin_commands: dict[str, PluginCommand] = {}
        """Those of plugins, which are looked for when a command is none of these, or help is asked for."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        """Return what the arguments say; exits with a message where they do not fit.

        Raises:
            LookupError: IMPASTO_PLUGINS names what is not installed.
            PluginError: the command is a plugin's, and its options cannot be had.
        """
        words = list(sys.argv[1:] if args is None else args)
        command = next((word for word in words if not word.startswith("-")), None)
        if command not in self.commands and "--version" not in words:
            self.plugin_commands = plugin_commands(self)
            if command in self.plugin_commands:
                self.plugin_commands[command].complete()
        given: argparse.Namespace = super().parse_args(words, namespace)
        if given.command == "train" and given.trainer is None and given.options:
            # Options behind no trainer belong to nothing; argparse would take them without a word.
            self.commands["train"].error(f"unrecognized arguments: {' '.join(given.options)}")
        return given


def command_line_parser() -> CommandLineParser:
    """Return the parser of the command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--traceback", action="store_true", default=argparse.SUPPRESS, help="show where an error happened"
    )
    top = CommandLineParser(
        prog="impasto",
        formatter_class=HelpFormatter,
        description="Paint one picture in the manner of another, by plugins chained into pipelines.",
    )
    top.add_argument("--version", action="version", version=f"impasto {__version__}", help="show the version")
    top.add_argument("--traceback", action="store_true", help="show where an error happened")
    listed = top.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=argparse.ArgumentParser
    )
    top.listed, top.common = listed, common

    def command(name: str, about: str) -> argparse.ArgumentParser:
        parser = listed.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            parents=[common],
            formatter_class=HelpFormatter,
        )
        top.commands[name] = parser
        return parser

    add_paint(command("paint", "paint one photograph in the manner of one or several paintings"))
    add_run(command("run", "run a saved pipeline on many pictures"))

    demo = command("demo", "show every installed stylizer on sample pictures, on one sheet")
    demo.add_argument("-o", "--out", default="impasto-demo.png", metavar="FILE", help="(default: %(default)s)")
    demo.add_argument(
        "--size",
        type=positive_integer,
        default=320,
        help="longer side of the pictures in pixels (default: %(default)s)",
    )

    add_sheet(command("sheet", "show what every method makes of your own pictures, small, on one sheet"))

    train = command("train", "train a network that a plugin uses")
    train.add_argument("trainer", nargs="?", help="what to train; without one: what there is")
    train.add_argument("options", nargs=argparse.REMAINDER, help="the trainer's own: impasto train TRAINER --help")

    plugins = command("plugins", "list what is installed, or what goes by a name, with its parameters")
    plugins.add_argument("name", nargs="?", metavar="NAME", help="of a stage, encoder, trainer, watcher, …")
    plugins.add_argument(
        "--check",
        action="store_true",
        help="run the conformance kit on a stage, encoder, statistic, metric or distribution",
    )
    plugins.add_argument("--available", action="store_true", help="list published plugins; nothing is downloaded")

    new_plugin = command("new-plugin", "write a plugin of your own that installs and passes its tests")
    new_plugin.add_argument("name", help="of the stage, or of the distribution: sketch, or impasto-sketch")
    new_plugin.add_argument("--kind", choices=KINDS, default=KINDS[0], help="what it offers (default: %(default)s)")
    new_plugin.add_argument("--folder", default=".", help="where the new folder goes (default: here)")

    looks = command("looks", "list pipelines by purpose, or say what one is for and what it is made of")
    looks.add_argument("name", nargs="?", metavar="NAME", help="of a look")

    lessons = command("lessons", "write the course into a folder: notebooks, for teachers notes and answers")
    lessons.add_argument("folder", metavar="FOLDER", help="where the lessons go, made if needed")
    kind = lessons.add_mutually_exclusive_group()
    kind.add_argument("--student", action="store_true", help="notebooks alone, without solutions, answers and outputs")
    kind.add_argument("--nbgrader", action="store_true", help="notebooks for the source folder of nbgrader")
    lessons.add_argument("--language", choices=("en", "zh"), default="en", help="of the texts (default: %(default)s)")

    propagate = command("propagate", "paint a clip from key frames, whose strokes are carried to the frames between")
    propagate.add_argument("clip", help="video, animation, or folder of frames")
    propagate.add_argument("style", nargs="?", help="painting; without one --keys has all key frames")
    propagate.add_argument("-o", "--out", required=True, metavar="PATH", help="video, animation or folder to write")
    propagate.add_argument("--with", dest="stages", default="gatys", metavar="STAGES", help="(default: %(default)s)")
    propagate.add_argument(
        "--every", type=positive_integer, default=12, metavar="N", help="frames from key to key (default: %(default)s)"
    )
    propagate.add_argument("--keys", metavar="FOLDER", help="painted frames, numbered from 1: hand-0013.png")

    weights = command(
        "weights", "list the networks that are known and where they are, or print the record of a new one"
    )
    weights.add_argument(
        "--record", metavar="FILE", help="print the impasto.Weights record of this file, to paste into a plugin"
    )
    lut = command("lut", "write a look as a look-up table of colours, for Resolve, ffmpeg, OBS and the stage lut")
    lut.add_argument("content", metavar="photo", help="a photograph, with many colours")
    lut.add_argument("style", nargs="?", help="the picture whose look it gets, if the stages look at one")
    lut.add_argument("-o", "--out", required=True, metavar="LOOK.cube", help="the table to write")
    lut.add_argument(
        "--with",
        dest="stages",
        metavar="STAGES",
        help="stages that change colours alone (default: match-color:target=image)",
    )
    lut.add_argument("--after", metavar="GRADED", help="the photograph as graded elsewhere, in the place of stages")
    lut.add_argument("--size", type=int, choices=(17, 33, 65), default=33, help="entries a side (default: %(default)s)")
    lut.add_argument("--title", default="", help="of the look, for programs that show it")
    add_max_pixels(lut)

    add_evaluate(command("evaluate", "paint with several pipelines, and measure and show the pictures side by side"))

    add_serve(command("serve", "open a page in the browser on which one paints, on this machine alone"))

    doctor = command("doctor", "say what a picture, mask, recipe, video or weights file is to Impasto")
    doctor.add_argument("files", nargs="+", metavar="FILE", help="looked at one after the other; nothing is painted")
    add_max_pixels(doctor)

    command("report", "print what an issue should say about this installation")

    completion = command("completion", "print a script that completes impasto in your shell")
    completion.add_argument("shell", choices=SHELLS, help="for which shell")
    completion.epilog = (
        "bash:  impasto completion bash > ~/.local/share/bash-completion/completions/impasto\n"
        "zsh:   impasto completion zsh > ~/.zfunc/_impasto; in ~/.zshrc, before compinit: fpath+=(~/.zfunc)\n"
        "fish:  impasto completion fish > ~/.config/fish/completions/impasto.fish\n"
        "The script knows the stages that are installed; make it anew after installing a plugin."
    )
    return top
