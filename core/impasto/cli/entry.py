"""The command line: `impasto paint | run | demo | train | plugins | new-plugin | weights | report | completion`.

Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from tqdm import tqdm

from ..files import PICTURES, VIDEOS, expand
from .completion import SHELLS, script
from .scaffold import KINDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from ..picture import Picture
    from ..pipeline import Pipeline
    from ..stage import Parameter, Style

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

PREFERRED = ("adain", "gatys")
"""Stylizers that `paint` takes, the first that is installed, when no stages are given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something failed, 2 misused, 130 interrupted.

    Args:
        arguments: what stands behind `impasto` on the command line; None takes it from there.

    Raises:
        SystemExit: `--help`, `--version`, or arguments that argparse refuses.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console of few letters must not end the program
    parser, _ = parsers()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return MISUSED
    given.traceback |= os.environ.get("IMPASTO_TRACEBACK", "0") not in ("", "0")
    try:
        code: int = given.function(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return explain(error, given.traceback)


def say(text: str) -> None:
    """Write a message for the person at the keyboard, clear of any progress bar."""
    tqdm.write(f"impasto: {text}", file=sys.stderr)


def explain(error: Exception, trace: bool, where: str = "") -> int:
    """Say what an error means and return the exit code; one that is a fault of the program shows its trace."""
    code = blame(error)
    if code is None or trace:
        traceback.print_exception(error)
    if code is None:
        say(
            f"{where}this is a fault in Impasto or a plugin, not of yours\n"
            f"  what to do: report it{issues()} with the lines above and what `impasto report` prints"
        )
        return FAILED
    # Where the message is another's, its place may be needed to make sense of it.
    hint = "\n  where it happened: the same command with --traceback" if error.__cause__ and not trace else ""
    say(f"{where}{error}{hint}")
    return code


def blame(error: Exception) -> int | None:
    """Return the exit code of an error whose message says what to do; None for any other."""
    from ..errors import PluginError, StageError, WeightsError

    # KeyError and IndexError are LookupErrors, ModuleNotFoundError an ImportError: not meant for users.
    if isinstance(error, (ValueError, FileNotFoundError, FileExistsError, IsADirectoryError)):
        return MISUSED
    if type(error) is LookupError:
        return MISUSED
    if isinstance(error, (StageError, WeightsError, PluginError, FloatingPointError, OSError)):
        return FAILED
    return FAILED if type(error) is ImportError else None


def issues() -> str:
    """Return where faults are reported, from the distribution's own metadata."""
    import importlib.metadata

    try:
        links = importlib.metadata.metadata("impasto").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    return next((f" at {link.partition(', ')[2]}" for link in links if link.lower().startswith("issue")), "")


# --------------------------------------------------------------------------------------------------- arguments


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{**settings, "max_help_position": 28})


class _StageHelp(argparse.Action):
    """Print help that ends in every stage with its parameters; only then is it worth loading the plugins."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from .inventory import stage_list

        parser.epilog = stage_list()
        parser.print_help()
        parser.exit()


def parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser of the command line, and those of its subcommands by name."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--traceback", action="store_true", default=argparse.SUPPRESS, help="show where an error happened"
    )
    top = argparse.ArgumentParser(
        prog="impasto",
        formatter_class=_Formatter,
        description="Paint one picture in the manner of another, by plugins chained into pipelines.",
    )
    top.add_argument("--version", action=_Version)
    top.add_argument("--traceback", action="store_true", help="show where an error happened")
    listed = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands: dict[str, argparse.ArgumentParser] = {}

    def command(
        name: str, function: Callable[[argparse.Namespace], int], about: str, stages: bool = False
    ) -> argparse.ArgumentParser:
        made = listed.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            parents=[common],
            add_help=not stages,
            formatter_class=_Formatter,
        )
        if stages:
            made.add_argument(
                "-h", "--help", action=_StageHelp, nargs=0, help="show this, and every stage with its parameters"
            )
        made.set_defaults(function=function)
        commands[name] = made
        return made

    one = command("paint", paint, "paint one photograph in the manner of one or several paintings", stages=True)
    one.add_argument("content", help="the photograph")
    one.add_argument(
        "style",
        nargs="*",
        help="the painting; several are mixed, each with a weight if you like: one.jpg:0.7 other.jpg:0.3;"
        " for one region alone, by its label: sky=one.jpg",
    )
    one.add_argument(
        "-o", "--out", required=True, metavar="FILE", help="the picture to make; an existing one is replaced"
    )
    one.add_argument(
        "--with",
        dest="stages",
        metavar="STAGES",
        help="stages in their order, with parameters: 'match-color, gatys:steps=200, guided-smooth'"
        " (default: adain if installed, else gatys)",
    )
    one.add_argument("--mask", metavar="FILE", help="grey picture of the photograph's size: white is painted")
    one.add_argument(
        "--guides",
        nargs="+",
        default=[],
        metavar="LABEL=FILE",
        help="regions by name, each a grey picture of the photograph's size: sky=sky.png sea=sea.png",
    )
    _painting(one)

    many = command("run", run, "run a saved pipeline on many pictures", stages=True)
    many.add_argument(
        "pipeline", help="a pipeline as TOML, or a picture painted before: its pipeline, seed and precision"
    )
    many.add_argument(
        "--content",
        nargs="+",
        required=True,
        metavar="PATH",
        help="photographs, folders of them, or patterns: '*.jpg'; or a video",
    )
    many.add_argument(
        "--style", nargs="+", default=[], metavar="FILE", help="one or several paintings, as in impasto paint"
    )
    many.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="PATH",
        help="a folder, made if needed, for PNGs named as the photographs; or, for one photograph, a file;"
        " for a video or a folder of its frames, a video",
    )
    _painting(many)

    shown = command("demo", demo, "show every installed stylizer on sample pictures, on one sheet")
    shown.add_argument("-o", "--out", default="impasto-demo.png", metavar="FILE", help="(default: %(default)s)")
    shown.add_argument(
        "--size", type=whole, default=320, help="longer side of the pictures in pixels (default: %(default)s)"
    )

    trained = command("train", train, "train a network that a plugin uses")
    trained.add_argument("trainer", metavar="recipe", nargs="?", help="what to train; without one: what there is")
    trained.add_argument("options", nargs=argparse.REMAINDER, help="the recipe's own: impasto train RECIPE --help")

    offered = command("plugins", plugins, "list what is installed, or a stage's parameters")
    offered.add_argument("stage", nargs="?", help="a stage, to see its parameters, ranges and defaults")
    offered.add_argument("--check", action="store_true", help="run the conformance kit on that stage")

    begun = command("new-plugin", new_plugin, "write a plugin of your own that installs and passes its tests")
    begun.add_argument("name", help="of the stage, or of the distribution: sketch, or impasto-sketch")
    begun.add_argument("--kind", choices=KINDS, default=KINDS[0], help="what its stage does (default: %(default)s)")
    begun.add_argument("--folder", default=".", help="where the new folder goes (default: here)")

    command("weights", weights, "list the networks that are known, and where they are")
    command("report", report, "print what an issue should say about this installation")

    completed = command("completion", completion, "print a script that completes impasto in your shell")
    completed.add_argument("shell", choices=SHELLS)
    completed.epilog = (
        "bash:  impasto completion bash > ~/.local/share/bash-completion/completions/impasto\n"
        "zsh:   impasto completion zsh > ~/.impasto.zsh; echo 'source ~/.impasto.zsh' >> ~/.zshrc\n"
        "fish:  impasto completion fish > ~/.config/fish/completions/impasto.fish"
    )
    return top, commands


def _painting(parser: argparse.ArgumentParser) -> None:
    """Add the options that `paint` and `run` share."""
    parser.add_argument("--skip-existing", action="store_true", help="leave an output that exists as it is")
    parser.add_argument("--seed", type=int, help="the same seed on the same CPU gives the same bits (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="of networks (default: auto, bfloat16 where it is faster)",
    )
    parser.add_argument("--max-pixels", type=whole, metavar="N", help="refuse larger pictures (default: 178,956,970)")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="16 for PNG and TIFF")
    parser.add_argument(
        "--quality", type=whole, default=95, help="of JPEG, WebP, AVIF and HEIC, 1 to 100 (default: %(default)s)"
    )
    parser.add_argument(
        "--recipe",
        action=argparse.BooleanOptionalAction,
        help="keep how it was made: in a PNG unless --no-recipe, with --recipe as .toml beside other formats",
    )


class _Version(argparse.Action):
    def __init__(self, *names: Any, **settings: Any) -> None:
        super().__init__(*names, **{**settings, "nargs": 0, "help": "show the version"})

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from ..host import version

        print(f"impasto {version('impasto')}")
        parser.exit()


def whole(text: str) -> int:
    """Return a whole number above 0."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


# ---------------------------------------------------------------------------------------------------- painting


def paint(given: argparse.Namespace) -> int:
    """Paint one picture."""
    out = Path(given.out).expanduser()
    if given.skip_existing and out.exists():
        say(f"{out} exists and is left as it is")
        return DONE
    from ..device import pick_device
    from ..picture import check_format, check_target, read
    from ..pipeline import Pipeline, read_mask

    areas = dict(region_file(text) for text in given.guides)
    inputs = [given.content, *map(style_path, given.style), *filter(None, [given.mask]), *areas.values()]
    check_target(out, inputs)
    check_format(out, given.bits, given.quality)
    pipeline = Pipeline.parse(given.stages if given.stages is not None else default_stages())
    pick_device(given.device)
    limit = max_pixels(given)
    content = read(given.content, max_pixels=limit)
    mask = None if given.mask is None else read_mask(read(given.mask, max_pixels=limit), content.tensor)
    guides = {label: read(file, max_pixels=limit) for label, file in areas.items()} or None
    styles = [read_style(text, limit) for text in given.style]
    began = time.perf_counter()
    painted = _paint(pipeline, content, styles, given, given.seed or 0, given.precision or "auto", mask, guides)
    save(painted, out, inputs, given)
    if painted.interrupted is not None:
        say(f"interrupted, {painted.interrupted}; {out} is the picture so far")
        return INTERRUPTED
    print(f"{out}: {painted.size[0]}×{painted.size[1]}, {pipeline_line(pipeline)}, {elapsed(began)}")
    return DONE


def run(given: argparse.Namespace) -> int:
    """Run a saved pipeline on many pictures; one that fails is reported and the others go on."""
    from ..device import pick_device
    from ..picture import check_format, check_targets, read, read_recipe
    from ..pipeline import Pipeline

    contents = expand(given.content)
    if any(path.suffix.lower() in VIDEOS for path in (*contents, Path(given.out))):
        return run_stream(given, contents)
    targets = outputs(contents, Path(given.out).expanduser())
    others = [*map(style_path, given.style), given.pipeline]
    # Folders that are not there are made below; there is nothing in them yet.
    check_targets([target for target in targets if target.parent.is_dir()], [*contents, *others])
    check_format(targets[0], given.bits, given.quality)
    recipe = read_recipe(given.pipeline)
    pipeline = Pipeline.from_toml(recipe)
    seed, precision = remembered(recipe)
    seed = seed if given.seed is None else given.seed
    precision = given.precision or precision
    pick_device(given.device)
    limit = max_pixels(given)
    styles = [read_style(text, limit) for text in given.style]
    for folder in {target.parent for target in targets}:
        folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    painted = skipped = failed = 0
    stopped = ""
    with tqdm(contents, unit="picture", disable=not sys.stderr.isatty()) as bar:
        for content, target in zip(bar, targets, strict=True):
            if given.skip_existing and target.exists():
                skipped += 1
                continue
            try:
                result = _paint(pipeline, read(content, max_pixels=limit), styles, given, seed, precision)
                if result.interrupted is not None:
                    # Under its own name, or --skip-existing would take it for finished.
                    target = target.with_name(f"{target.stem}.interrupted{target.suffix}")
                    stopped = f"{content}: interrupted, {result.interrupted}; {target} is the picture so far"
                save(result, target, [content, *others], given)
            except KeyboardInterrupt:
                stopped = f"{content}: interrupted; nothing was written of it"
            except Exception as error:
                explain(error, given.traceback, f"{content}: ")
                if blame(error) is None:
                    return FAILED
                failed += 1
                continue
            if stopped:
                break
            painted += 1
    if stopped:
        say(stopped)
    counts = [f"{painted} painted"]
    counts += [f"{number} {what}" for number, what in ((skipped, "skipped"), (failed, "failed")) if number]
    if stopped:
        counts.append(f"{len(contents) - painted - skipped - failed} not done")
    print(f"{', '.join(counts)}, {elapsed(began)}, in {targets[0].parent}")
    return INTERRUPTED if stopped else FAILED if failed else DONE


def run_stream(given: argparse.Namespace, contents: Sequence[Path]) -> int:
    """Run a saved pipeline on the frames of a video, or make a video of pictures."""
    from ..picture import check_target, read_recipe
    from ..pipeline import Pipeline, ProgressBar
    from ..stream import Video, interrupted, write

    videos = [path for path in contents if path.suffix.lower() in VIDEOS]
    if videos and len(contents) > 1:
        raise ValueError(
            f"{videos[0]} is a video, and a video goes alone\n  what to type: one run for each, --content {videos[0]}"
        )
    out = Path(given.out).expanduser()
    kept = [*contents, *map(style_path, given.style), given.pipeline]
    movie = out.suffix.lower() in VIDEOS
    if movie:
        check_target(out, kept)
    elif out.suffix.lower() in PICTURES and not out.is_dir():
        raise ValueError(
            f"{videos[0]} is a video and {out} a picture\n  what to type: --out {out.stem}.mp4, or a folder: {out.stem}"
        )
    if movie and given.skip_existing and out.exists():
        say(f"{out} exists and is left as it is")
        return DONE
    recipe = read_recipe(given.pipeline)
    pipeline = Pipeline.from_toml(recipe)
    seed, precision = remembered(recipe)
    chosen: Any = given.precision or precision
    limit = max_pixels(given)
    frames = Video(videos[0], max_pixels=limit) if videos else contents
    began = time.perf_counter()
    try:
        count = write(
            pipeline.stream(
                frames,
                [read_style(text, limit) for text in given.style],
                device=given.device,
                precision=chosen,
                seed=seed if given.seed is None else given.seed,
                plugins=[ProgressBar(sys.stderr.isatty())],
                max_pixels=limit,
            ),
            out,
            shown=sys.stderr.isatty(),
            total=frames.count if isinstance(frames, Video) else len(frames),
            keep=kept,
        )
    except (KeyboardInterrupt, Exception) as error:
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else explain(error, given.traceback)
        rest = interrupted(out) if movie else out
        said = f"{rest} holds the frames so far" if rest.exists() else "nothing was written"
        say(f"interrupted; {said}" if code == INTERRUPTED else said)
        return code
    rate = count / (time.perf_counter() - began)
    print(f"{out}: {count} frames, {pipeline_line(pipeline)}, {elapsed(began)}, {rate:.1f} frames per second")
    return DONE


def _paint(
    pipeline: Pipeline,
    content: Picture,
    styles: Sequence[Style],
    given: argparse.Namespace,
    seed: int,
    precision: Any,
    mask: Any = None,
    guides: Any = None,
) -> Picture:
    from ..pipeline import ProgressBar

    bar = ProgressBar(sys.stderr.isatty())
    return pipeline(
        content,
        list(styles),
        mask=mask,
        guides=guides,
        device=given.device,
        precision=precision,
        seed=seed,
        plugins=[bar],
    )


def save(picture: Picture, path: Path, inputs: Sequence[str | Path], given: argparse.Namespace) -> None:
    """Write a painted picture with the options of the command line."""
    picture.save(path, bits=given.bits, quality=given.quality, recipe=given.recipe, keep=inputs)


def default_stages() -> str:
    """Return the stylizer to paint with when none is asked for."""
    from ..host import get_host

    for name in PREFERRED:
        if name in get_host().stylizers:
            return name
    raise LookupError(
        f"no stages were given, and neither {' nor '.join(PREFERRED)} is installed\n"
        f"  installed: {', '.join(get_host().stylizers) or 'no stylizer'}\n"
        "  what to type: --with NAME, or pip install impasto-adain"
    )


def style_file(text: str) -> tuple[str, float]:
    """Split `painting.jpg:0.5` into file and weight; a file may have a colon in its name."""
    file, colon, number = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, 1.0
    try:
        weight = float(number)
    except ValueError:
        return text, 1.0
    if not math.isfinite(weight):
        raise ValueError(f"{text}: the weight should be a number\n  what to type: {file}:0.5")
    return file, weight


def style_region(text: str) -> tuple[str, str]:
    """Split `sky=painting.jpg` into region and the rest; a file may have an equals sign in its name."""
    region, equals, rest = text.partition("=")
    return (region, rest) if equals and not Path(style_file(text)[0]).exists() else ("", text)


def style_path(text: str) -> str:
    """Return the file in `painting.jpg`, `painting.jpg:0.5` or `sky=painting.jpg:0.5`."""
    return style_file(style_region(text)[1])[0]


def read_style(text: str, limit: int) -> Style:
    """Read `painting.jpg`, `painting.jpg:0.5` or `sky=painting.jpg:0.5`."""
    from ..picture import read
    from ..stage import Style

    region, rest = style_region(text)
    file, weight = style_file(rest)
    return Style(read(file, max_pixels=limit).tensor, weight, region=region)


def region_file(text: str) -> tuple[str, str]:
    """Split `sky=sky.png` into label and file."""
    label, _, file = text.partition("=")
    if not (label and file):
        raise ValueError(
            f"--guides {text}: expected a label and a file\n  what to type: --guides sky={text or 'sky.png'}"
        )
    return label, file


def max_pixels(given: argparse.Namespace) -> int:
    """Return the largest picture to read, in pixels."""
    from ..picture import MAX_PIXELS

    return given.max_pixels or MAX_PIXELS


def outputs(contents: Sequence[Path], out: Path) -> list[Path]:
    """Return where each painted picture goes: into a folder as PNG, which keeps its recipe, or one to a file.

    Raises:
        ValueError: several pictures for one file.
    """
    if out.suffix.lower() in PICTURES and not out.is_dir():
        if len(contents) > 1:
            raise ValueError(
                f"{len(contents)} pictures do not fit into the one file {out}\n  what to type: --out {out.stem}"
            )
        return [out]
    taken: dict[Path, Path] = {}
    for content in contents:
        target = out / f"{content.stem}.png"
        if target in taken:
            raise ValueError(
                f"{taken[target]} and {content} would both be painted to {target}\n"
                "  what would work: other names, or one run for each with its own --out"
            )
        taken[target] = content
    return list(taken)


def remembered(recipe: str) -> tuple[int, str]:
    """Return the seed and precision that a recipe was made with; a pipeline that was only saved has neither."""
    made = tomllib.loads(recipe).get("made", {})
    seed, precision = made.get("seed", 0), made.get("precision", "auto")
    if not isinstance(seed, int) or not isinstance(precision, str):
        raise ValueError(
            f"the recipe's seed = {seed!r} or precision = {precision!r} does not fit\n  what to type: --seed 0"
        )
    return seed, precision


def pipeline_line(pipeline: Pipeline) -> str:
    """Return the names of a pipeline's stages on one line."""
    return " → ".join(stage.name for stage in pipeline.stages) or "no stages"


def elapsed(began: float) -> str:
    """Say how long ago something began."""
    return f"{time.perf_counter() - began:.1f} s"


def demo(given: argparse.Namespace) -> int:
    """Show every installed stylizer on one sheet."""
    from .demo import demonstrate

    out = Path(given.out).expanduser()
    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise ValueError(f"{out}: the sheet is a PNG in a folder that exists\n  what to type: -o impasto-demo.png")
    sheet, errors = demonstrate(given.size)
    sheet.save(out)
    for name, error in errors.items():
        explain(error, given.traceback, f"{name}: ")
    print(f"{out}: every installed stylizer, {sheet.height}×{sheet.width}")
    return FAILED if errors else DONE


# ---------------------------------------------------------------------------------------------------- training


def train(given: argparse.Namespace) -> int:
    """Train a network by the recipe of this name."""
    from ..host import get_host

    if given.trainer is None:
        for name, recipe in get_host().trainers.items():
            print(f"{name:<16}{recipe.summary()}")
        print("\nimpasto train RECIPE --help shows what one takes")
        return DONE
    recipe = get_host().trainer(given.trainer)
    parser = argparse.ArgumentParser(
        prog=f"impasto train {recipe.name}", description=recipe.summary(), formatter_class=_Formatter
    )
    for parameter in recipe.parameters().values():
        _add_parameter(parser, parameter)
    names = list(recipe.parameters())
    parser.add_argument("--out", default=f"trained/{recipe.name}", help="folder (default: %(default)s)")
    parser.add_argument("--steps", type=whole, default=recipe.steps, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from the folder's checkpoint, which is the default",
    )
    parser.add_argument(
        "--precision", choices=("no", "bf16", "fp16"), default=recipe.precision, help="(default: %(default)s)"
    )
    parser.add_argument("--traceback", action="store_true", help="show where an error happened")
    chosen = parser.parse_args(given.options)
    given.traceback |= chosen.traceback
    made = recipe(**{name: getattr(chosen, name) for name in names})
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise ImportError("training needs the package accelerate: pip install 'impasto[train]'") from error
    from .. import training

    with tqdm(total=chosen.steps, unit="step", disable=not sys.stderr.isatty()) as bar:

        def log(step: int, losses: Mapping[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix({name: f"{loss:.3g}" for name, loss in losses.items()})

        try:
            files = training.train(
                made.task(PartialState().device),
                chosen.out,
                steps=chosen.steps,
                seed=chosen.seed,
                resume=chosen.resume,
                precision=chosen.precision,
                average=recipe.average,
                on_log=log,
            )
        except KeyboardInterrupt:
            say(f"interrupted; the same command goes on from the last checkpoint in {chosen.out}")
            return INTERRUPTED
    for file in files:
        print(file)
    return DONE


def _add_parameter(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    flag = f"--{parameter.name.replace('_', '-')}"
    about = f"{parameter.help}: {parameter.range}"
    settings: dict[str, Any] = {"dest": parameter.name}
    if parameter.default is MISSING:
        settings["required"] = True
    else:
        settings["default"] = parameter.default
        about += f" (default: {parameter.default!r})"
    settings["help"] = about.replace("%", "%%")
    word = scalar(parameter.type)
    if word is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **settings)
        return
    if get_origin(parameter.type) is tuple:
        settings["nargs"] = "*"
    parser.add_argument(flag, type=word, metavar=parameter.name.upper(), **settings)


def scalar(wanted: Any) -> type:
    """Return what one word of the command line becomes for a parameter's type: bool, int, float or str."""
    inside = [option for option in get_args(wanted) if option not in (type(None), Ellipsis)]
    if get_origin(wanted) is Literal:
        return type(inside[0])
    found = scalar(inside[0]) if inside else wanted
    assert isinstance(found, type)
    return found


# ------------------------------------------------------------------------------------------- what is installed


def plugins(given: argparse.Namespace) -> int:
    """List what is installed, or a stage's parameters."""
    from ..host import get_host
    from .inventory import plugin_lines, stage_table

    if given.check:
        return check(given.stage)
    if given.stage is not None:
        print(stage_table(get_host().stage(given.stage)))
        return DONE
    print("\n".join(plugin_lines()))
    print("\nimpasto plugins STAGE shows a stage's parameters")
    return DONE


def check(name: str | None) -> int:
    """Run the conformance kit on a stage, with parameters if there are any, or on every stage of a distribution."""
    from ..errors import ParameterError
    from ..host import get_host
    from ..pipeline import Pipeline
    from ..testing import check_stage

    if name is None:
        raise ValueError("--check needs a stage or a distribution\n  what to type: impasto plugins adain --check")
    kinds = [kind for kind in get_host().stages.values() if get_host().distribution(kind).split()[0] == name]
    stages = list(Pipeline.parse(name).stages) if not kinds else []
    for kind in kinds:
        try:
            stages.append(kind())
        except ParameterError as error:
            say(f"{error}\n  it is left out; check it by itself")
    failed = 0
    for stage in stages:
        try:
            check_stage(stage)
        except AssertionError as failures:
            say(str(failures))
            failed += 1
    return FAILED if failed else DONE


def new_plugin(given: argparse.Namespace) -> int:
    """Write a plugin to begin with."""
    from . import scaffold

    made = scaffold.new_plugin(given.name, given.kind, given.folder)
    stage = made.name.removeprefix("impasto-")
    print(
        f"{made} is a plugin of one {given.kind}, {stage}\n"
        f"  its method:  {next(made.glob('src/*/__init__.py'))}\n"
        f"  install it:  pip install -e '{made}[test]'\n"
        f"  test it:     pytest {made}\n"
        f"  look at it:  impasto plugins {stage}"
    )
    return DONE


def weights(given: argparse.Namespace) -> int:
    """List the networks that are known, and where they are or what to do."""
    from ..errors import WeightsError
    from ..weights import find
    from .inventory import records, without_network

    with without_network():
        for record, users in records().items():
            print(f"{record.name}: {record.size / 1e6:,.1f} MB, {record.licence}")
            print(f"  used by: {', '.join(users)}")
            try:
                place = f"found: {find(record)}"
            except WeightsError as error:
                if record.url is None:
                    print(textwrap.indent(str(error), "  "))
                    continue
                place = f"not here yet; downloaded when first used, from {record.url}"
            print(f"  it is: {record.expects}\n  {place}")
    return DONE


def report(given: argparse.Namespace) -> int:
    """Print what an issue should say about this installation."""
    from .inventory import report_lines

    print("\n".join(report_lines()).replace(str(Path.home()), "~"))
    return DONE


def completion(given: argparse.Namespace) -> int:
    """Print a script that completes the command line."""
    from ..host import get_host

    _, commands = parsers()
    stages = list(get_host().stages)
    print(
        script(given.shell, commands, {"stages": stages, "stage": stages, "trainer": list(get_host().trainers)}), end=""
    )
    return DONE
