"""`impasto train`: a trainer with the options that it declares."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import torch
from tqdm import tqdm

from .. import training
from ..device import use_bfloat16
from ..files import check_folder, local_path
from ..host import get_host
from ..stage import Parameter
from .arguments import positive_integer
from .errors import DONE, INTERRUPTED, print_message
from .parser import HelpFormatter


def execute(given: argparse.Namespace) -> int:
    """Run the trainer of this name, or list the trainers."""
    if given.trainer is None:
        width = max((len(name) for name in get_host().trainers), default=0) + 2
        for name, trainer in get_host().trainers.items():
            print(f"{name:<{width}}{trainer.summary()}")
        print("\nimpasto train TRAINER --help shows what one takes")
        return DONE
    trainer = get_host().trainer(given.trainer)
    trainer.warn_if_renamed(given.trainer)
    chosen = trainer_parser(trainer).parse_args(given.options)
    given.traceback |= chosen.traceback
    check_folder(local_path(chosen.out))
    configured = trainer(**{name: getattr(chosen, name) for name in trainer.parameters()})
    try:
        # An extra, which loads for a while.
        from accelerate import PartialState
    except ImportError as error:
        raise ImportError(
            "train: needs the package accelerate\n  what to type: pip install 'impasto[train]'"
        ) from error

    with tqdm(total=chosen.steps, unit="step", disable=not sys.stderr.isatty()) as bar:

        def log(step: int, losses: Mapping[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix({name: f"{loss:.3g}" for name, loss in losses.items()})
            if bar.disable:  # a log that somebody follows
                means = ", ".join(f"{name} {loss:.3g}" for name, loss in losses.items())
                print(f"step {step} of {chosen.steps}: {means}", file=sys.stderr, flush=True)

        try:
            device = PartialState().device
            files = training.train(
                configured.task(device),
                local_path(chosen.out),
                steps=chosen.steps,
                seed=chosen.seed,
                resume=chosen.resume,
                precision=chosen.precision or suited_precision(trainer, device),
                average=trainer.average,
                on_log=log,
            )
        except KeyboardInterrupt as interrupt:
            print_message(f"interrupted; {_what_is_kept(interrupt, chosen)}")
            return INTERRUPTED
    for file in files:
        print(file)
    return DONE


def _what_is_kept(interrupt: KeyboardInterrupt, chosen: argparse.Namespace) -> str:
    """Return in words what an interrupted training goes on from."""
    again = "the same command" if chosen.resume else "the same command without --no-resume"
    if str(interrupt):
        return f"{interrupt}, and {again} goes on from there"
    if chosen.resume and (local_path(chosen.out) / "checkpoint.pt").exists():
        return f"the step was not done, and {again} goes on from the last checkpoint in {chosen.out}"
    return "no step was kept, and the same command begins anew"


def suited_precision(trainer: type[training.Trainer], device: torch.device) -> str:
    """Return the mixed precision that suits a trainer, none in place of a bfloat16 that the hardware only emulates."""
    emulated = trainer.precision == "bf16" and not use_bfloat16(device, "auto")
    return "no" if emulated else trainer.precision


def trainer_parser(trainer: type[training.Trainer]) -> argparse.ArgumentParser:
    """Return the parser of a trainer's options: its parameters, and those of every training."""
    parser = argparse.ArgumentParser(
        prog=f"impasto train {trainer.name}", description=trainer.summary(), formatter_class=HelpFormatter
    )
    for parameter in trainer.parameters().values():
        _add_parameter(parser, parameter)
    parser.add_argument("--out", default=f"trained/{trainer.name}", help="folder (default: %(default)s)")
    parser.add_argument("--steps", type=positive_integer, default=trainer.steps, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from the folder's checkpoint, which is the default",
    )
    parser.add_argument(
        "--precision",
        choices=("no", "bf16", "fp16"),
        help=f"(default: {trainer.precision}{', or no without such hardware' * (trainer.precision == 'bf16')})",
    )
    parser.add_argument("--traceback", action="store_true", help="show where an error happened")
    return parser


def _add_parameter(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    flags = [f"--{name.replace('_', '-')}" for name in (parameter.name, *parameter.was)]
    about = f"{parameter.help}: {parameter.range}"
    settings: dict[str, Any] = {"dest": parameter.name}
    if parameter.required:
        settings["required"] = True
    else:
        settings["default"] = parameter.default
        about += f" (default: {parameter.default!r})"
    settings["help"] = about.replace("%", "%%")
    word = word_type(parameter.type)
    if word is bool:
        parser.add_argument(*flags, action=argparse.BooleanOptionalAction, **settings)
        return
    if get_origin(parameter.type) is tuple:
        settings["nargs"] = "*"
    parser.add_argument(*flags, type=word, metavar=parameter.name.upper(), **settings)


def word_type(parameter_type: Any) -> type:
    """Return what one word of the command line becomes for a parameter's type: bool, int, float or str."""
    inside = [option for option in get_args(parameter_type) if option not in (type(None), Ellipsis)]
    if get_origin(parameter_type) is Literal:
        return type(inside[0])
    word = word_type(inside[0]) if inside else parameter_type
    assert isinstance(word, type)
    return word
