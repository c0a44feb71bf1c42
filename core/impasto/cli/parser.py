"""The parser of the command line: every command with its options and their help.

Nothing here loads torch: help, mistyped options and completion come at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .. import __version__
from .arguments import positive_integer, region_argument, style_argument
from .plugin_commands import PluginCommand, plugin_commands
from .scaffold import KINDS

SHELLS = ("bash", "zsh", "fish")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Formats help with a wide column of options."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{**settings, "max_help_position": 28})


class _StageHelp(argparse.Action):
    """Print help that ends in every stage with its parameters; only then is it worth loading the plugins."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from .listing import stage_list  # loads torch and every plugin

        parser.epilog = stage_list()
        parser.print_help()
        parser.exit()


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

    def command(name: str, about: str, stages: bool = False) -> argparse.ArgumentParser:
        parser = listed.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            parents=[common],
            add_help=not stages,
            formatter_class=HelpFormatter,
        )
        if stages:
            parser.add_argument(
                "-h", "--help", action=_StageHelp, nargs=0, help="show this, and every stage with its parameters"
            )
        top.commands[name] = parser
        return parser

    _add_paint(command("paint", "paint one photograph in the manner of one or several paintings", stages=True))
    _add_run(command("run", "run a saved pipeline on many pictures", stages=True))

    demo = command("demo", "show every installed stylizer on sample pictures, on one sheet")
    demo.add_argument("-o", "--out", default="impasto-demo.png", metavar="FILE", help="(default: %(default)s)")
    demo.add_argument(
        "--size",
        type=positive_integer,
        default=320,
        help="longer side of the pictures in pixels (default: %(default)s)",
    )

    _add_sheet(command("sheet", "show what every method makes of your own pictures, small, on one sheet", stages=True))

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
    _add_max_pixels(lut)

    _add_evaluate(command("evaluate", "paint with several pipelines, and measure and show the pictures side by side"))

    doctor = command("doctor", "say what a picture, mask, recipe, video or weights file is to Impasto")
    doctor.add_argument("files", nargs="+", metavar="FILE", help="looked at one after the other; nothing is painted")
    _add_max_pixels(doctor)

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


def _add_paint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "content",
        help="the photograph, - takes it from standard input; or an animation or a video, whose every frame is painted;"
        " where a stage brings a canvas of its own, as texture:size=1024x768 does, a painting like the others",
    )
    parser.add_argument(
        "style",
        nargs="*",
        default=[],
        type=style_argument,
        help="the painting; several are mixed, each with a weight if you like: one.jpg:0.7 other.jpg:0.3;"
        " for one region alone, by its label: sky=one.jpg",
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="FILE",
        help="the picture to make, - writes a PNG to standard output; of an animation or a video one of these, or a"
        " folder; what is there is replaced",
    )
    parser.add_argument(
        "--with",
        dest="stages",
        metavar="STAGES",
        help="stages in their order, with parameters: 'match-color, gatys:steps=200, guided-smooth'"
        " (default: adain if installed, else gatys)",
    )
    parser.add_argument("--mask", metavar="FILE", help="grey picture of the photograph's size: white is painted")
    parser.add_argument(
        "--guides",
        nargs="+",
        default=[],
        type=region_argument,
        metavar="LABEL=FILE",
        help="regions by name, each a grey picture of the photograph's size: sky=sky.png sea=sea.png",
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="a small one first, beside it, out.preview.png: in a second or two where a method paints in one pass",
    )
    _add_painting_options(parser)


def _add_sheet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", help="the photograph, - takes it from standard input")
    parser.add_argument(
        "style", nargs="*", default=[], type=style_argument, help="one or several paintings, as in impasto paint"
    )
    parser.add_argument("-o", "--out", default="impasto-sheet.png", metavar="FILE", help="(default: %(default)s)")
    parser.add_argument(
        "--with",
        dest="stages",
        action="append",
        default=[],
        metavar="STAGES",
        help="stages of one tile, as in impasto paint; may be given again (default: every method, quick ones first)",
    )
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="a tile for each value of a parameter, adain.alpha=0.3,0.6,1; a second one goes down the sheet",
    )
    parser.add_argument(
        "--size",
        type=positive_integer,
        default=384,
        help="longer side of a tile in pixels, at which it is painted (default: %(default)s)",
    )
    _add_run_options(parser)
    parser.set_defaults(bits=8, quality=95, recipe=False)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pipeline", help="a pipeline as TOML, or a picture painted before: its pipeline, seed and precision"
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="a file that a picture's recipe may read, or weights that it may download, by the name it gives",
    )
    parser.add_argument(
        "--untrusted", action="store_true", help="treat a TOML file as a picture's recipe, which comes from a stranger"
    )
    parser.add_argument(
        "--content",
        nargs="+",
        default=[],
        metavar="PATH",
        help="photographs, folders of them, or patterns: '*.jpg'; or a video, or an animated GIF, WebP or PNG;"
        " - is standard input; none where a stage brings a canvas of its own, as texture:size=1024x768 does",
    )
    parser.add_argument(
        "--style",
        nargs="+",
        default=[],
        type=style_argument,
        metavar="FILE",
        help="one or several paintings, as in impasto paint",
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="PATH",
        help="a folder, made if needed, for PNGs named as the photographs; or, for one photograph, a file;"
        " for a video, an animation or a folder of frames, an animation or a video; - writes a PNG to standard output",
    )
    _add_painting_options(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--content", nargs="+", required=True, metavar="PATH", help="photographs, folders of them, or patterns: '*.jpg'"
    )
    parser.add_argument("--style", nargs="+", default=[], metavar="PATH", help="paintings, likewise")
    parser.add_argument(
        "--pairs",
        dest="paired",
        action="store_true",
        help="the first content with the first style, and so on, in place of each with each",
    )
    parser.add_argument(
        "--with",
        dest="stages",
        action="append",
        default=[],
        metavar="[NAME=]STAGES",
        help="as in impasto paint, or a pipeline's .toml; once for each: --with adain --with soft=adain:alpha=0.5",
    )
    parser.add_argument(
        "--pictures",
        action="append",
        default=[],
        metavar="[NAME=]FOLDER",
        help="pictures painted elsewhere, named after content and style: cat--wave.png, cat_stylized_wave.jpg",
    )
    parser.add_argument(
        "-o", "--out", required=True, metavar="FOLDER", help="for pictures, results.csv, results.json and index.html"
    )
    parser.add_argument(
        "--size",
        type=positive_integer,
        default=512,
        help="longer side of contents and styles in pixels, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--rate",
        action="store_true",
        help="also a page that asks people which of two is better, and the ranks of what they answered",
    )
    parser.add_argument("--metrics", metavar="NAMES", help="ssim,border (default: every one that is installed)")
    parser.add_argument(
        "--encoder", default="slim19-half", help="whose features are measured: a name or a file (default: %(default)s)"
    )
    parser.add_argument(
        "--lpips", default="", metavar="FILE", help="LPIPS too, by torchvision's AlexNet, VGG-16 or SqueezeNet 1.1"
    )
    parser.add_argument("--seed", type=int, default=0, help="of each painting (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of networks that paint (default: auto, bfloat16 where it is faster)",
    )
    _add_max_pixels(parser)
    parser.epilog = "What is done already is not done again: after an interruption, give the same command once more."


def _add_painting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `paint` and `run` share."""
    parser.add_argument("--skip-existing", action="store_true", help="leave an output that exists as it is")
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="longer side to paint at, which decides how large strokes are, such as 1024; the picture comes back in its"
        " own size, with the photograph's detail",
    )
    parser.add_argument(
        "--print",
        metavar="LENGTH",
        help="of the longer side on paper, such as 40cm or 16in: chooses the size to paint at, and writes the density",
    )
    parser.add_argument(
        "--strokes", metavar="WIDTH", help="how wide they are to be, in place of a size: 1%%, or of a print 4mm"
    )
    _add_run_options(parser)
    parser.add_argument(
        "--watch",
        action="append",
        default=[],
        metavar="WATCHERS",
        help="plugins that look on, with parameters, NAME:path=log.jsonl; impasto plugins lists what is installed",
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="16 for PNG and TIFF")
    parser.add_argument(
        "--quality",
        type=positive_integer,
        default=95,
        help="of JPEG, WebP, AVIF and HEIC, 1 to 100 (default: %(default)s)",
    )
    parser.add_argument(
        "--recipe",
        action=argparse.BooleanOptionalAction,
        help="keep how it was made: in a PNG unless --no-recipe, with --recipe as .toml beside other formats",
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that everything has which runs pipelines."""
    parser.add_argument("--seed", type=int, help="the same seed on the same CPU gives the same bits (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="of networks (default: auto, bfloat16 where it is faster)",
    )
    _add_max_pixels(parser)


def _add_max_pixels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-pixels",
        type=positive_integer,
        metavar="N",
        help="refuse larger pictures (default: what impasto.read takes unasked)",
    )
