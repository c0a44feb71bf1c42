"""Checks of trainers: what a training of hours relies on, tried in a few steps on the CPU."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor

from ..errors import ParameterError
from ..files import local_path
from ..host import get_host
from ..training import Task, Trainer, generator, train
from ..weights import load, open_torch
from .declaration import has_a_summary_and_helpful_parameters, refuses_what_is_out_of_range
from .harness import SEED, require, works

CPU = torch.device("cpu")
STEPS = 4
"""Steps of the kit's trainings: a checkpoint after the second, a kill after the third."""


class KilledError(Exception):
    """The kit stops a training as a kill would."""


@dataclass
class Training:
    """What was seen of a short training, and the folder that it left."""

    folder: Path
    networks: dict[str, dict[str, Tensor]]
    averages: dict[str, dict[str, Tensor]]
    start: dict[str, dict[str, Tensor]]
    files: list[Path]
    preview: Tensor | None


def task_of(trainer: Trainer, seed: int = SEED) -> Task:
    """Return a trainer's task on the CPU."""
    try:
        inspect.signature(trainer.task).bind(CPU, seed)
    except TypeError as error:
        raise AssertionError(
            f"its method task takes other arguments: {error}\n"
            "  what to type: def task(self, device, seed=0): ..., which returns an impasto.training.Task"
        ) from error
    with works("making its task", "what the message says; trainer.task(torch.device('cpu')) shows the line"):
        task = trainer.task(CPU, seed)
    require(
        isinstance(task, Task),
        f"its task is {type(task).__name__}",
        "an impasto.training.Task: networks, optimisers, batch, losses and export",
    )
    return task


def run(task: Task, folder: Path, *, seed: int = SEED, kill: int | None = None, resume: bool = True) -> list[Path]:
    """Train for a few steps, or until a step at which the training is killed; return the files."""
    trainer = task.made_by

    def stop(step: int, losses: Mapping[str, float]) -> None:
        if step == kill:
            raise KilledError

    return train(
        task,
        folder,
        steps=STEPS,
        seed=seed,
        resume=resume,
        precision=trainer.precision if trainer is not None else "no",
        average=trainer.average if trainer is not None else 0.999,
        on_log=stop,
        checkpoint_every=2,
        log_every=1,
    )


@lru_cache(maxsize=4)
def _trained(trainer: Trainer, times: int) -> Training | Exception:
    folder = Path(tempfile.mkdtemp(prefix="impasto-kit-"))
    try:
        task = task_of(trainer)
        start = _states(task)
        if times == 1:
            files = run(task, folder)
        else:
            with _killed():
                run(task, folder, kill=STEPS - 1)
            files = run(task_of(trainer), folder)
        saved = open_torch(folder / "checkpoint.pt")
        assert isinstance(saved, dict)
        seen = Training(folder, saved["networks"], saved["averages"], start, files, task.preview(task.networks))
    except Exception as error:  # kept for the check that reports it
        shutil.rmtree(folder)
        return error
    weakref.finalize(seen, shutil.rmtree, folder)
    return seen


@contextmanager
def _killed() -> Iterator[None]:
    """Expect the training inside the block to be killed."""
    try:
        yield
    except KilledError:
        return
    raise AssertionError("the training ended before it was killed")


def _states(task: Task) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.clone() for key, value in network.state_dict().items()}
        for name, network in task.networks.items()
    }


def trained(trainer: Trainer) -> Training:
    """Return what was seen of a short training, run once for all checks; one check reports a failure, others wait."""
    seen = _first(trainer)
    if isinstance(seen, Exception):
        raise SkipTest("waits for 'trains every network'")
    return seen


def _first(trainer: Trainer) -> Training | Exception:
    if importlib.util.find_spec("accelerate") is None:
        raise SkipTest("needs the package accelerate: pip install 'impasto[train]'")
    return _trained(trainer, 1)


def forget_trainings() -> None:
    """Train anew: in a notebook the same class may have changed what it does."""
    _trained.cache_clear()


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors of a batch: in tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from (tensor for one in value.values() for tensor in tensors_in(one))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from (tensor for one in value for tensor in tensors_in(one))
    elif dataclasses.is_dataclass(value):
        yield from tensors_in(vars(value))


def same(one: Any, other: Any) -> bool:
    """Return whether two batches have the same tensors, to the bit."""
    pairs = list(tensors_in(one)), list(tensors_in(other))
    return len(pairs[0]) == len(pairs[1]) and all(map(torch.equal, *pairs))


def differing(one: Mapping[str, Mapping[str, Tensor]], other: Mapping[str, Mapping[str, Tensor]]) -> list[str]:
    """Return the names of the tensors of networks that are not the same to the bit."""
    return [
        f"{name}.{key}" for name in one for key, value in one[name].items() if not torch.equal(value, other[name][key])
    ]


def declares_the_files_it_reads(trainer: Trainer) -> None:
    """A parameter that names a file or folder is declared with `reads=True`, by which a checkpoint knows its pictures.

    Raises:
        AssertionError: one is not.
    """
    for name, parameter in trainer.parameters().items():
        value = getattr(trainer, name)
        is_path = isinstance(value, str) and value != "" and local_path(value).exists()
        require(
            not is_path or parameter.reads or parameter.writes,
            f"{name} = {value!r} names a file or folder, and is not declared as one",
            f"{name}: str = impasto.param(reads=True, help=…): another folder is then refused by the checkpoint",
        )


def starts_from_its_seed_alone(trainer: Trainer) -> None:
    """Two tasks of one seed have the same networks to begin with, whatever torch's own random numbers are.

    Raises:
        AssertionError: they differ, or torch's random numbers were seeded or drawn from.
    """
    advice = "with impasto.functional.seeded_layers(seed): around the networks that are made"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = _states(task_of(trainer))
        untouched = torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        second = _states(task_of(trainer))
    differ = differing(first, second)
    require(not differ, f"two tasks of one seed differ in {', '.join(differ[:3])}", advice)
    require(untouched, "making a task draws from torch's own random numbers, or seeds them", advice)


def draws_its_batches_from_the_generator_alone(trainer: Trainer) -> None:
    """One generator gives one batch, whichever batches were drawn before; another gives another.

    Raises:
        AssertionError: a resumed training would see other batches.
    """
    advice = "batch(self, rng) made of nothing but the draws of rng: no counters, no torch.randn without generator=rng"
    task = task_of(trainer)
    with works("drawing a batch", "batch(self, rng) that returns tensors"):
        first = task.batch(generator(SEED, 0))
        other = task.batch(generator(SEED, 1))
        again = task.batch(generator(SEED, 0))
        fresh = task_of(trainer).batch(generator(SEED, 0))
    require(
        list(tensors_in(first)), f"a batch is {type(first).__name__} without tensors", "tensors, in tuples or dicts"
    )
    require(same(first, again), "the same generator gives another batch the second time", advice)
    require(same(first, fresh), "a task made anew gives another batch for the same generator", advice)
    require(not same(first, other), "another generator gives the same batch", advice)


def trains_every_network(trainer: Trainer) -> None:
    """A few steps go through, with finite losses, and change every network that is not frozen.

    Raises:
        AssertionError: they fail, or leave one as it was.
    """
    seen = _first(trainer)
    if isinstance(seen, Exception):
        raise AssertionError(
            f"a training of {STEPS} steps fails\n  {type(seen).__name__}: {seen}\n"
            "  what would work: what the message says; batch(self, rng) for every draw of rng, and\n"
            "  losses(self, networks, batch, rng) that yields (optimiser, losses by name)"
        ) from seen
    learning = {
        name
        for name, network in task_of(trainer).networks.items()
        if any(parameter.requires_grad for parameter in network.parameters())
    }
    for name in sorted(learning):
        still = not differing({name: seen.start[name]}, {name: seen.networks[name]})
        require(
            not still,
            f"the network {name!r} is after {STEPS} steps as it was",
            "an optimiser of its parameters, whose losses depend on it: networks[name], not self.networks[name]",
        )


def resumes_to_the_bit(trainer: Trainer) -> None:
    """A training that is killed and goes on ends with the same networks as one that was not.

    Raises:
        AssertionError: it ends with others.
    """
    whole, resumed = trained(trainer), _trained(trainer, 2)
    advice = "state() and load_state(state) for what changes from step to step; random numbers from rng alone"
    if isinstance(resumed, Exception):
        raise AssertionError(f"going on after a kill fails\n  {resumed}\n  what would work: {advice}") from resumed
    differ = differing(whole.networks, resumed.networks) + differing(whole.averages, resumed.averages)
    require(not differ, f"after a kill the training ends with another {', '.join(differ[:3])}", advice)


def refuses_the_checkpoint_of_another_training(trainer: Trainer) -> None:
    """With another value of a parameter, the folder's checkpoint is refused and nothing is written over.

    Raises:
        AssertionError: it is gone on from.
    """
    seen = trained(trainer)
    advice = "task(self, device, seed=0) as a method of the class, so that the task knows the trainer it is made by"
    require(task_of(trainer).made_by is trainer, "its task does not know by which trainer it was made", advice)
    for other in _others(trainer):
        try:
            task = other.task(CPU, SEED)
        except Exception:  # what this value would need is not there; another will do
            continue
        try:
            run(task, seen.folder)
        except ParameterError:
            return
        raise AssertionError(f"{other!r} goes on from the checkpoint of {trainer!r}\n  what would work: {advice}")
    raise SkipTest("has no parameter of which another value could be tried")


def _others(trainer: Trainer) -> Iterator[Trainer]:
    """Yield the trainer with another value of one parameter."""
    for name, parameter in trainer.parameters().items():
        value = getattr(trainer, name)
        if parameter.reads or parameter.writes:
            continue
        for other in (
            [not value]
            if isinstance(value, bool)
            else [value + 1, value * 0.5, value - 1]
            if isinstance(value, (int, float))
            else parameter.choices or ()
        ):
            try:
                changed = replace(trainer, **{name: other})
            except ParameterError:
                continue
            if changed != trainer:
                yield changed
                break


def exports_what_loads(trainer: Trainer) -> None:
    """`export` writes files into its folder that `impasto.weights.load` opens, of finite numbers, and returns them.

    Raises:
        AssertionError: they are missing, elsewhere, or not to be opened.
    """
    seen = trained(trainer)
    advice = "impasto.training.save_half(folder / 'name.safetensors', network.state_dict()), and its return"
    require(
        isinstance(seen.files, list) and seen.files and all(isinstance(file, Path) for file in seen.files),
        f"export gives back {seen.files!r}",
        f"return [file, …], from {advice}",
    )
    for file in seen.files:
        require(file.is_file(), f"export gives back {file.name}, which is no file", advice)
        require(
            file.resolve().is_relative_to(seen.folder.resolve()), f"{file} is not in the folder it was given", advice
        )
        with works(f"opening {file.name}", advice):
            tensors = load(file)
        broken = [name for name, value in tensors.items() if not value.isfinite().all()]
        require(tensors and not broken, f"{file.name} has no tensors, or some that are not finite: {broken}", advice)


def shows_a_picture_or_none(trainer: Trainer) -> None:
    """`preview` returns a picture (1, 3, H, W), or None.

    Raises:
        AssertionError: it returns something else.
    """
    shown = trained(trainer).preview
    if shown is None:
        return
    right = isinstance(shown, Tensor) and shown.ndim == 4 and shown.shape[:2] == (1, 3) and shown.is_floating_point()
    found = tuple(shown.shape) if isinstance(shown, Tensor) else type(shown).__name__
    require(right, f"preview gives {found}", "a picture (1, 3, H, W), as impasto.training.preview_grid makes")
    require(shown.isfinite().all(), "the preview has numbers that are not finite", "values in [0, 1]")


def is_offered_by_a_distribution(trainer: Trainer) -> None:
    """An installed distribution offers the trainer under its name.

    Raises:
        AssertionError: none does, or another class has the name.
    """
    kind = type(trainer)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise SkipTest("defined in a notebook or a function, where no distribution can offer it")
    advice = f"an @impasto.hookimpl named impasto_trainers that returns [{kind.__name__}]; then pip install -e ."
    with works(f"looking up {trainer.name!r} among the installed plugins", advice):
        offered = get_host().trainer(trainer.name)
    require(offered is kind, f"{get_host().distribution(offered)} offers another class as {trainer.name!r}", advice)


TRAINER_CHECKS = (
    has_a_summary_and_helpful_parameters,
    refuses_what_is_out_of_range,
    declares_the_files_it_reads,
    starts_from_its_seed_alone,
    draws_its_batches_from_the_generator_alone,
    trains_every_network,
    resumes_to_the_bit,
    refuses_the_checkpoint_of_another_training,
    exports_what_loads,
    shows_a_picture_or_none,
    is_offered_by_a_distribution,
)
"""Every check of trainers, in the order in which they are run."""
