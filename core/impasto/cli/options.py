"""The options of the commands that paint."""

from __future__ import annotations

import argparse

from .arguments import positive_integer, region_argument, style_argument


def add_paint(parser: argparse.ArgumentParser) -> None:
    """Add the options of `impasto paint`."""
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
    parser.add_argument(
        "--look", metavar="NAME", help="stages for a purpose, in the place of --with: see impasto looks"
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
    add_painting_options(parser)


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
    add_painting_options(parser)


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
    add_run_options(parser)
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


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that everything has which runs pipelines."""
    parser.add_argument("--seed", type=int, help="the same seed on the same CPU gives the same bits (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="of networks (default: auto, bfloat16 where it is faster)",
    )
    add_max_pixels(parser)


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """Add the bound of what is read."""
    parser.add_argument(
        "--max-pixels",
        type=positive_integer,
        metavar="N",
        help="refuse larger pictures (default: what impasto.read takes unasked)",
    )
