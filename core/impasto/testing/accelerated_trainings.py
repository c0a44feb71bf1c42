"""The check that a training would run on an accelerator, found out on a machine that has none."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from unittest import SkipTest

import torch

from ..training import Trainer, generator
from .accelerator import PretendAccelerator
from .harness import SEED, works
from .process_state import recorded_changes
from .trainings import trained


def trains_on_an_accelerator(trainer: Trainer) -> None:
    """On a pretend CUDA device and a pretend MPS device it makes its task, takes a step, shows and exports.

    Raises:
        AssertionError: one of them would fail there, as where tensors of the CPU meet those of the device.

    Example:
        >>> from impasto_fast import FastTrainer  # doctest: +SKIP
        >>> trains_on_an_accelerator(FastTrainer(images="photographs", styles="paintings"))  # doctest: +SKIP
    """
    trained(trainer)  # what fails on the CPU is for another check
    advice = (
        "networks, and what they are compared with, brought to the device that task(self, device, seed) is given; and"
        " batches, which are drawn on the CPU: batch.to(self.device)"
    )
    kinds = [kind for kind in ("cuda", "mps") if not getattr(torch, kind).is_available()]
    if not kinds:
        raise SkipTest("a true accelerator is here, on which its training can be run")
    for kind in kinds:
        asked = f"a step on a pretend {kind} device"
        with recorded_changes(), warnings.catch_warnings(), works(asked, advice), PretendAccelerator(kind):
            warnings.simplefilter("ignore", UserWarning)
            _step(trainer, torch.device(kind))


def _step(trainer: Trainer, device: torch.device) -> None:
    """Do what a training of one step does, without accelerate, which asks the driver of a device."""
    task = trainer.task(device, SEED)
    networks = {name: network.to(device) for name, network in task.networks.items()}
    batch = task.batch(generator(SEED, 0))
    for name, losses in task.losses(networks, batch, generator(SEED, 0, 1)):
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        task.optimisers[name].step()
        task.optimisers[name].zero_grad(set_to_none=True)
    task.load_state(task.state())
    task.preview(networks)
    with tempfile.TemporaryDirectory(prefix="impasto-kit-") as folder:
        task.export(networks, Path(folder))
