"""What belongs to the process, and so to the person who runs a pipeline: how to look at it and how to put it back."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFile


@dataclass(frozen=True)
class Setting:
    """One thing of the process that no stage may leave otherwise."""

    name: str
    read: Callable[[], Any]
    """Returns a value that later changes do not reach."""
    restore: Callable[[Any], Any]
    advice: str
    """What a stage can do instead."""


@dataclass(frozen=True)
class Change:
    """A setting that was changed."""

    setting: Setting
    before: Any
    after: Any

    def __str__(self) -> str:
        values = f"{self.before!r} to {self.after!r}"
        if isinstance(self.before, Mapping):
            keys = {key for key, _ in self.before.items() ^ self.after.items()}
            return f"{self.setting.name} ({', '.join(sorted(keys))})"
        return f"{self.setting.name} from {values}" if len(values) < 80 else self.setting.name


def _numpy_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    return kind, np.asarray(keys).tobytes(), *rest


def _restore_numpy(state: tuple[Any, ...]) -> None:
    kind, keys, *rest = state
    np.random.set_state((kind, np.frombuffer(keys, np.uint32), *rest))


def _restore_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which makes the present filters count at once
    warnings.filters[:] = filters  # type: ignore[index]  # a list in all but its declaration


def _restore_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def _flag(owner: Any, name: str, title: str, advice: str = "leaving it to the user") -> Setting:
    return Setting(title, lambda: getattr(owner, name), lambda value: setattr(owner, name, value), advice)


GENERATOR = "torch.randn(..., generator=self.generator(content.device)), which the run seeds: pipe(..., seed=3)"
"""Where a stage's random numbers come from."""

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "torch's random numbers",
        lambda: torch.get_rng_state().numpy().tobytes(),
        lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
        GENERATOR,
    ),
    Setting("NumPy's random numbers", _numpy_state, _restore_numpy, GENERATOR),
    Setting("Python's random numbers", random.getstate, random.setstate, GENERATOR),
    Setting(
        "the gradient mode",
        torch.is_grad_enabled,
        torch.set_grad_enabled,
        "a block, with torch.enable_grad(): ...",
    ),
    Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype, "dtype= where a tensor is made"),
    Setting("the default device", torch.get_default_device, torch.set_default_device, "device=content.device"),
    Setting("the number of threads", torch.get_num_threads, torch.set_num_threads, "leaving it to the user"),
    Setting(
        "deterministic algorithms",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        "leaving them to the user",
    ),
    Setting(
        "the precision of matrix products",
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        "x.double() where float32 is too coarse",
    ),
    _flag(torch.backends.cudnn, "allow_tf32", "cuDNN's TF32", "x.double() where float32 is too coarse"),
    _flag(torch.backends.cudnn, "benchmark", "cuDNN's benchmark mode"),
    _flag(torch.backends.cudnn, "deterministic", "cuDNN's deterministic mode"),
    _flag(
        ImageFile, "LOAD_TRUNCATED_IMAGES", "Pillow's LOAD_TRUNCATED_IMAGES", "impasto.read, which refuses cut files"
    ),
    _flag(Image, "MAX_IMAGE_PIXELS", "Pillow's MAX_IMAGE_PIXELS", "impasto.read, which has max_pixels="),
    Setting(
        "the filters of warnings",
        lambda: list(warnings.filters),
        _restore_filters,
        "not to warn, or a filter of the user's; warnings.catch_warnings() is for the whole process, threads included",
    ),
    Setting("the environment", lambda: dict(os.environ), _restore_environment, "an argument in its place"),
)
"""Everything that is looked at, in the order in which it is reported."""


def read_settings() -> list[Any]:
    """Return the present value of every setting, in order."""
    return [setting.read() for setting in SETTINGS]


@contextmanager
def recorded_changes() -> Iterator[list[Change]]:
    """Give a list that holds, once the block is left, what it changed; all of that is put back."""
    changes: list[Change] = []
    before = read_settings()
    try:
        yield changes
    finally:
        for setting, value in zip(SETTINGS, before, strict=True):
            after = setting.read()
            if after != value:
                changes.append(Change(setting, value, after))
                setting.restore(value)
