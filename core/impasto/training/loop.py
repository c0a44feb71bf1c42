"""The one training loop: resume after a kill, averaged weights, mixed precision, several devices."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..device import keep_memory
from ..errors import ParameterError
from ..files import check_target, local_path, make_folder, write_atomically
from .checkpoint import Checkpoint
from .export import save_preview
from .interruption import held_interruptions
from .trainer import Task

CHECKPOINT_SECONDS = 600
"""After which a checkpoint is written, however few steps there were since the last one."""


def trapezoid(step: int, steps: int, warmup: int = 100, decay: float = 0.3) -> float:
    """Return the learning rate's factor: linear warm-up, plateau, then linear decay to zero over the last part.

    A plateau lets a run be prolonged from any checkpoint before its decay.

    Args:
        step: from 0.
        steps: how many there will be in all.
        warmup: steps until the full rate; a shorter training never reaches it.
        decay: share of the steps, at the end, over which the rate falls.

    Example:
        >>> [trapezoid(step, 1000) for step in (0, 500, 850, 999)]
        [0.01, 1.0, 0.5, 0.0033333333333333335]
    """
    return min(1.0, (step + 1) / warmup, (steps - step) / max(1.0, decay * steps))


def train(
    task: Task,
    folder: str | Path,
    *,
    steps: int,
    seed: int = 0,
    resume: bool = True,
    checkpoint_every: int | None = None,
    log_every: int = 10,
    average: float = 0.999,
    clip: float = 1.0,
    precision: str = "no",
    on_log: Callable[[int, dict[str, float]], None] | None = None,
) -> list[Path]:
    """Train a task's networks in `folder`, going on from the folder's checkpoint if there is one.

    The learning rate rises over the first 100 steps, however few there are, see `trapezoid`.  Ctrl-C, and a
    signal that would end the program, end the training when the present step is done and kept; a second one at once.

    Args:
        task: networks, optimisers, batches and losses.
        folder: where `checkpoint.pt`, `losses.csv`, previews and the finished networks go.
        steps: how many steps in all, those before a resume included.
        seed: batch k of a run depends on the seed and k alone.
        resume: go on from `checkpoint.pt`, which must be of this training; False starts again.
        checkpoint_every: steps between checkpoints: the most a kill can cost; None: a twentieth of all, at most 200.
            Where they take longer than ten minutes, checkpoints do not wait for them.
        log_every: steps between lines of `losses.csv`, each the mean since the last one.
        average: decay of the exponential moving average of the weights, which is what ships.
        clip: largest gradient norm for each network.
        precision: `accelerate`'s mixed precision: "no", "bf16" or "fp16".
        on_log: called with (step, mean losses) for each logged line.

    Returns:
        The files that `task.export` wrote.

    Raises:
        ParameterError: the folder's checkpoint belongs to another training; the message names what differs.
        FloatingPointError: a loss became NaN or infinite; the message names it and the step.
        OSError: the folder cannot be written to, which is tried before the first step, or its disk is full.
        ImportError: accelerate is not installed; the message says what to type.
        KeyboardInterrupt: the message says which step was the last, and where it is kept.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from impasto.training import Task
        >>> class Line(Task):
        ...     def __init__(self):
        ...         self.networks = {"line": nn.Linear(1, 1)}
        ...         self.optimisers = {"line": torch.optim.Adam(self.networks["line"].parameters(), 1e-2)}
        ...     def batch(self, rng):
        ...         return torch.rand(16, 1, generator=rng)
        ...     def losses(self, networks, batch, rng):
        ...         yield "line", {"error": (networks["line"](batch) - 2 * batch).square().mean()}
        ...     def export(self, networks, folder):
        ...         torch.save(networks["line"].state_dict(), folder / "line.pt")
        ...         return [folder / "line.pt"]
        >>> [file.name for file in train(Line(), tempfile.mkdtemp(), steps=3)]
        ['line.pt']
    """
    try:
        # An extra, which takes seconds to import.
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
    except ImportError as error:
        raise ImportError(
            "training needs the package accelerate, which is not installed\n"
            "  what to type: pip install 'impasto[train]'"
        ) from error

    folder = local_path(folder)
    make_folder(folder)
    check_target(folder / "checkpoint.pt")
    # Accelerate keeps one state a process; a notebook may train twice, with another precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(mixed_precision=precision)
    keep_memory(accelerator.device)
    names = list(task.networks)
    averaging = get_ema_multi_avg_fn(average)  # type: ignore[no-untyped-call]
    averages = {
        name: AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
        for name, network in task.networks.items()
    }
    for name in names:
        averages[name].to(accelerator.device)
    networks = {name: accelerator.prepare(network) for name, network in task.networks.items()}
    optimisers = {name: accelerator.prepare(optimiser) for name, optimiser in task.optimisers.items()}
    rates = {name: [group["lr"] for group in optimiser.param_groups] for name, optimiser in task.optimisers.items()}

    checkpoint = Checkpoint(folder / "checkpoint.pt", task, seed)
    every = checkpoint_every or max(1, min(200, steps // 20))
    first = 0
    losses_so_far: tuple[dict[str, float], dict[str, int]] = {}, {}
    if resume and (saved := checkpoint.load()) is not None:
        first = saved["step"]
        if first > steps:
            raise ParameterError(
                f"{checkpoint.file}: has {first} steps behind it, more than the {steps} that were asked for\n"
                "  what would work: more steps; or another folder"
            )
        for name in names:
            accelerator.unwrap_model(networks[name]).load_state_dict(saved["networks"][name])
            averages[name].load_state_dict(saved["averages"][name])
        for name in task.optimisers:
            task.optimisers[name].load_state_dict(saved["optimisers"][name])
        task.load_state(saved["task"])
        losses_so_far = saved.get("losses", losses_so_far)  # one of Impasto 0.1.0 lacks them

    def save(step: int) -> None:
        if accelerator.is_main_process:
            bare = {name: accelerator.unwrap_model(networks[name]) for name in names}
            checkpoint.save(
                {
                    "step": step,
                    "networks": {name: network.state_dict() for name, network in bare.items()},
                    "averages": {name: average.state_dict() for name, average in averages.items()},
                    "optimisers": {name: optimiser.state_dict() for name, optimiser in task.optimisers.items()},
                    "task": task.state(),
                    "losses": (log.sums, log.counts),
                }
            )

    def batch(step: int) -> Any:
        return task.batch(generator(seed, step, accelerator.process_index, 0))

    log = LossLog(folder / "losses.csv", first)
    log.sums, log.counts = losses_so_far
    kept, saved_at = first, time.monotonic()
    # Several processes wait for one another inside a step: none may end while the others begin another.
    hold = accelerator.num_processes == 1
    with ThreadPoolExecutor(max_workers=1) as ahead, held_interruptions(hold) as interruption:
        pending = ahead.submit(batch, first)
        for step in range(first, steps):
            current = pending.result()
            if step + 1 < steps:
                pending = ahead.submit(batch, step + 1)
            rng = generator(seed, step, accelerator.process_index, 1)
            for name, optimiser in task.optimisers.items():
                for group, rate in zip(optimiser.param_groups, rates[name], strict=True):
                    group["lr"] = rate * trapezoid(step, steps, decay=task.decay)
            for name, losses in task.losses(networks, current, rng):
                stacked = torch.stack(list(losses.values()))
                # Read once: each reading waits for the device.
                values = dict(zip(losses, stacked.tolist(), strict=True))
                if not all(map(math.isfinite, values.values())):
                    raise FloatingPointError(
                        f"training: step {step} of {steps} gave the losses {values}\n"
                        f"  what would work: a lower learning rate; {checkpoint.file} "
                        + (f"is of step {kept}" if kept else "was not written yet")
                    )
                accelerator.backward(stacked.sum())
                # Of this optimiser alone, once: accelerate's own clipping unscales those of all for every network.
                accelerator.unscale_gradients(optimisers[name])
                for network in networks.values():
                    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
                optimisers[name].step()
                optimisers[name].zero_grad(set_to_none=True)
                log.add(values)
            for name in names:
                averages[name].update_parameters(accelerator.unwrap_model(networks[name]))
            done = step + 1
            if done % log_every == 0 and accelerator.is_main_process:
                means = log.write(done)
                if on_log is not None:
                    on_log(done, means)
            if done % every == 0 or done == steps or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                shown = task.preview({name: averages[name].module for name in names})
                if shown is not None and accelerator.is_main_process:
                    save_preview(folder / f"preview-{done:06d}.png", shown)
                save(done)  # last: what a kill leaves out is done again
                kept, saved_at = done, time.monotonic()
            if (deliver := interruption()) is not None:
                if kept < done:
                    save(done)
                    kept = done
                try:
                    deliver()
                except KeyboardInterrupt:
                    raise KeyboardInterrupt(f"step {done} of {steps} is kept in {checkpoint.file}") from None
    if not accelerator.is_main_process:
        return []
    return task.export({name: averages[name].module for name in names}, folder)


def generator(*key: int) -> torch.Generator:
    """Return a random generator that depends on the given numbers alone.

    Example:
        >>> generator(7, 1).initial_seed() == generator(7, 1).initial_seed() != generator(7, 2).initial_seed()
        True
    """
    state = int(numpy.random.SeedSequence(key).generate_state(1, numpy.uint64)[0] >> 1)
    return torch.Generator().manual_seed(state)


class LossLog:
    """A CSV file of mean losses; lines of steps that are done again are dropped.

    Args:
        path: the file; its lines are kept, up to the first step.
        first: the step that the training goes on from.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= first]
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.started = time.monotonic()

    def add(self, losses: Mapping[str, float]) -> None:
        """Count one step's losses in."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def write(self, step: int) -> dict[str, float]:
        """Write the means since the last line and return them."""
        means = {name: self.sums[name] / self.counts[name] for name in self.sums}
        seconds = time.monotonic() - self.started
        row = {"step": str(step), "seconds": f"{seconds:.1f}"} | {k: f"{v:.5f}" for k, v in means.items()}
        self.rows.append(row)

        def write_rows(path: Path) -> None:
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(dict.fromkeys(k for r in self.rows for k in r)))
                writer.writeheader()
                writer.writerows(self.rows)

        write_atomically(self.path, write_rows)
        self.sums, self.counts = {}, {}
        return means
