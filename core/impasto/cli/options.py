"""The options of the commands that paint."""

from __future__ import annotations

import argparse

from .arguments import FormatArgument, format_argument, positive_integer, region_argument, style_argument

STAGES_SAID = (
    "Stages: impasto plugins lists them, impasto plugins NAME their parameters; looks: impasto looks.\n"
    "More, with examples: the README, On the command line."
)


def add_paint(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto paint`."""
    parser.usage = "impasto paint PHOTO PAINTING ... -o FILE [options]"
    parser.add_argument("content", metavar="PHOTO", help="or an animation, a video; - is standard input")
    parser.add_argument(
        "style",
        metavar="PAINTING",
        nargs="*",
        default=[],
        type=style_argument,
        help="one.jpg:0.7 two.jpg:0.3; for a region sky=one.jpg",
    )
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="to write; - is standard output")
    parser.add_argument(
        "--with", dest="stages", metavar="STAGES", help="'match-color, gatys:steps=200' (default: adain)"
    )
    parser.add_argument("--look", metavar="NAME", help="stages for a purpose, in the place of --with")
    add_masks(parser)
    parser.add_argument("--preview", action="store_true", help="a small one first: out.preview.png")
    add_painting_options(parser)
    parser.set_defaults(json=False)
    parser.epilog = STAGES_SAID


def add_masks(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which part is painted, and where regions are."""
    parser.add_argument("--mask", metavar="FILE", help="grey, as large as the photograph; white is painted")
    parser.add_argument(
        "--guides",
        nargs="+",
        default=[],
        type=region_argument,
        metavar="LABEL=FILE",
        help="regions, each such a picture: sky=sky.png",
    )


def add_sheet(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto sheet`."""
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
    add_run_options(parser)
    parser.set_defaults(bits=8, quality=95, recipe=False)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto run`."""
    parser.usage = "impasto run PIPELINE --content PHOTO ... --style PAINTING ... -o FOLDER [options]"
    parser.add_argument("pipeline", metavar="PIPELINE", help="TOML, or a picture painted before")
    parser.add_argument(
        "--content", nargs="+", default=[], metavar="PATH", help="photographs, folders, '*.jpg'; or a clip"
    )
    parser.add_argument(
        "--style", nargs="+", default=[], type=style_argument, metavar="FILE", help="paintings, as in impasto paint"
    )
    parser.add_argument("-o", "--out", required=True, metavar="PATH", help="folder, or one file; - is standard output")
    add_masks(parser)
    parser.add_argument(
        "--format",
        type=format_argument,
        default=FormatArgument(),
        metavar="NAME",
        help="jpg:quality=92, png:bits=16 (default: png)",
    )
    parser.add_argument("--sheet", metavar="FILE", help="also each photograph beside its painting")
    parser.add_argument("--json", action="store_true", help="a JSON line for each picture, on standard output")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="file or download of a stranger's recipe"
    )
    parser.add_argument("--untrusted", action="store_true", help="the TOML file comes from a stranger")
    add_painting_options(parser)
    parser.epilog = STAGES_SAID


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto evaluate`."""
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
    add_max_pixels(parser)
    parser.epilog = "What is done already is not done again: after an interruption, give the same command once more."


def add_painting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `paint` and `run` share."""
    parser.add_argument("--skip-existing", action="store_true", help="leave an output that exists as it is")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="longer side to paint at; it comes back full size")
    parser.add_argument("--print", metavar="LENGTH", help="size and density for paper: 40cm, 16in")
    parser.add_argument("--strokes", metavar="WIDTH", help="how wide they are: 1%%, or of a print 4mm")
    add_run_options(parser)
    parser.add_argument(
        "--watch", action="append", default=[], metavar="NAME", help="a plugin that looks on: NAME:path=log.jsonl"
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, metavar="N", help="8, or 16: PNG, TIFF")
    parser.add_argument(
        "--quality", type=positive_integer, default=95, metavar="N", help="of JPEG, WebP, … (default: %(default)s)"
    )
    parser.add_argument(
        "--recipe", action=argparse.BooleanOptionalAction, help="keep how it was made (default: in a PNG)"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that everything has which runs pipelines."""
    parser.add_argument("--seed", type=int, metavar="N", help="the same gives the same bits (default: 0)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        metavar="NAME",
        help="auto, float32, bfloat16 (default: auto)",
    )
    add_max_pixels(parser)


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Add the bound of what is read."""
    parser.add_argument(
        "--max-pixels",
        type=positive_integer,
        metavar="N",
        help="refuse larger pictures",
    )


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto serve`."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine alone)"
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes one that is free (default: %(default)s)")
    parser.add_argument(
        "--token", help="what visitors have to know; needed off this machine (also in the environment: IMPASTO_TOKEN)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--workers", type=int, default=0, help="processes that paint (default: one for each GPU, or 1)")
    parser.add_argument("--stages", metavar="NAMES", help="offer these alone, with commas between")
    parser.add_argument("--max-pixels", type=int, metavar="N", help="of a picture that is sent (default: 40,000,000)")
    parser.add_argument("--max-upload", type=int, metavar="BYTES", help="of one request (default: 67,108,864)")
