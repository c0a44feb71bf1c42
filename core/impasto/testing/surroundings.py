"""Checks of a stage among others: the process it shares, threads, precisions, devices."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Barrier
from unittest import SkipTest

import torch
from torch import Tensor

from ..stage import Stage
from .accelerator import PretendAccelerator
from .harness import (
    Inputs,
    baseline,
    mean_difference,
    observation,
    observe,
    paint,
    repeatable_baseline,
    repetition,
    require,
    works,
)
from .process_state import GENERATOR, recorded_changes

DEVICE_TOLERANCE = 2 / 255
"""Mean difference allowed between the CPU and an accelerator."""
ITERATIVE_DEVICE_TOLERANCE = 8 / 255
"""The same for stages that report steps, since each step magnifies the rounding of those before it."""
BFLOAT16_TOLERANCE = 0.1
"""Mean difference allowed between bfloat16 and float32."""
THREADS = 8
THREADS_ADVICE = (
    "no state on the class, in the module or of the process, which other runs use meanwhile;"
    f" random numbers from {GENERATOR}"
)


def leaves_the_process_as_it_found_it(stage: Stage) -> None:
    """Random numbers, modes, flags, warning filters and environment are as before; the result carries no gradient.

    Raises:
        AssertionError: something of the process changed; says what.
    """
    seen = baseline(stage)
    for change in repetition(stage).changes:  # the first run may load a library that sets a filter or a variable
        raise AssertionError(
            f"changes {change}, for everything that runs after it\n  what would work: {change.setting.advice}"
        )
    require(
        not seen.after.image.requires_grad and not seen.image.is_inference(),
        "gives back a picture that is tied to a computation of gradients, or made in inference mode",
        "image.detach(), and torch.no_grad() in place of torch.inference_mode()",
    )


def gives_the_same_bits_in_threads(stage: Stage) -> None:
    """Eight runs at once give the bits of one alone, and leave the process as they found it.

    Raises:
        AssertionError: a run in a thread painted other bits.
    """
    repeatable_baseline(stage)
    if repetition(stage).changes:
        raise SkipTest("waits for 'leaves the process as it found it'")
    variants = 0.0, 1.0  # neighbours paint different pictures, so that what they share shows
    alone = [observation(stage, variant).image for variant in variants]
    start = Barrier(THREADS)

    def paint_at_once(variant: float) -> Tensor:
        start.wait()
        return paint(stage, Inputs.of_odd_size(stage, variant))

    with _eager_switches(), recorded_changes() as changes, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with ThreadPoolExecutor(THREADS) as pool, works("a run beside seven others", THREADS_ADVICE):
            runs = [
                pool.submit(copy_context().run, paint_at_once, variants[index % len(variants)])
                for index in range(THREADS)
            ]
            together = [run.result() for run in runs]
    distances = [
        mean_difference(image, alone[index % len(alone)])
        for index, image in enumerate(together)
        if not torch.equal(image, alone[index % len(alone)])
    ]
    require(
        not distances,
        f"in {THREADS} threads at once, {len(distances)} pictures are not what one thread paints"
        f" (mean difference up to {max(distances, default=0):.2g})",
        THREADS_ADVICE,
    )
    for change in changes:
        raise AssertionError(
            f"{THREADS} threads at once leave {change} changed\n  what would work: {change.setting.advice}"
        )


@contextmanager
def _eager_switches() -> Iterator[None]:
    """Have Python go from thread to thread as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def works_in_bfloat16(stage: Stage) -> None:
    """Under autocast to bfloat16, which modern hardware gets by default, the picture is much the same."""
    reference = baseline(stage)
    advice = "statistics, losses and decompositions in float32 (impasto.functional.statistics)"
    with works("a run in bfloat16", advice):
        low = observe(stage, Inputs.of_odd_size(stage, 0.0, 1.0), precision="bfloat16")
    distance = mean_difference(reference.image, low.image)
    require(
        distance <= BFLOAT16_TOLERANCE,
        f"bfloat16 differs from float32 by {distance:.2g} on average; {BFLOAT16_TOLERANCE:g} is allowed",
        advice,
    )


def does_not_mind_torchs_defaults(stage: Stage) -> None:
    """Where the user has set another default dtype and device, it gives the same bits."""
    reference = repeatable_baseline(stage)
    inputs = Inputs.of_odd_size(stage, 0.0, 1.0)
    advice = (
        "dtype= and device= where a tensor is made, or image.new_zeros(...) and its kin; and whole numbers made float"
        " before they are divided or averaged: count.float() / 2"
    )
    task = "a run under torch.set_default_dtype(torch.float64) and torch.set_default_device('meta')"
    with works(task, advice), _other_defaults():
        seen = observe(stage, inputs)
    require(
        torch.equal(reference.image, seen.image),
        "under torch.set_default_dtype(float64) it paints another picture"
        f" (mean difference {mean_difference(reference.image, seen.image):.2g})",
        advice,
    )


@contextmanager
def _other_defaults() -> Iterator[None]:
    """Have torch make tensors of float64 on "meta" where it is not told otherwise."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):  # as set_default_device, for the block
            yield
    finally:
        torch.set_default_dtype(dtype)


def runs_on_an_accelerator(stage: Stage) -> None:
    """On a pretend CUDA device it paints what the CPU paints, and on a pretend MPS device it paints, inside a mask."""
    reference = baseline(stage)
    allowed = ITERATIVE_DEVICE_TOLERANCE if reference.steps else DEVICE_TOLERANCE
    advice = (
        "tensors made where the picture is, torch.zeros(..., device=content.device); in_double(x) of impasto.functional"
        " for x.double(), x.cpu().numpy() for x.numpy(), self.generator(content.device) for random numbers there"
    )
    whole, masked = Inputs.of_odd_size(stage, 0.0, 1.0), Inputs.of_odd_size(stage, 0.0).with_mask()
    for kind, inputs in (("cuda", whole), ("mps", masked)):  # what a mask adds needs no device of its own
        if getattr(torch, kind).is_available():
            continue  # a true one is for 'agrees across devices'
        task = f"a run{'' if inputs is whole else ' with a mask'} on a pretend {kind} device"
        # What the stage changes in the process is for another check, and is put back behind the accelerator.
        with recorded_changes(), warnings.catch_warnings(), works(task, advice), PretendAccelerator(kind):
            warnings.simplefilter("ignore", UserWarning)
            image = paint(stage, inputs, device=kind)
        if inputs is whole:
            distance = mean_difference(reference.image, image)
            require(
                distance <= allowed,
                f"{task} differs from one on the CPU by {distance:.2g} on average; {allowed:.2g} is allowed",
                "the same method for every device",
            )


def agrees_across_devices(stage: Stage) -> None:
    """An accelerator paints the picture that the CPU paints, within a tolerance."""
    if not torch.cuda.is_available():
        raise SkipTest("no CUDA device here")
    reference = baseline(stage)
    with works("a run on cuda", "make tensors where the picture is: torch.zeros(..., device=content.device)"):
        accelerated = observe(stage, Inputs.of_odd_size(stage, 0.0, 1.0), device="cuda")
    if reference.random:
        return  # a GPU draws other numbers from the same seed
    allowed = ITERATIVE_DEVICE_TOLERANCE if reference.steps else DEVICE_TOLERANCE
    distance = mean_difference(reference.image, accelerated.image)
    require(
        distance <= allowed,
        f"cuda differs from the CPU by {distance:.2g} on average; {allowed:.2g} is allowed",
        "float32 for statistics and decompositions; no operation that depends on the order of threads",
    )
