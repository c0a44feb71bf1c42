"""Networks made of checkpoints: built without values, their tensors checked, and cached."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from threading import RLock
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..device import indexed_device
from ..errors import WeightsError
from ..files import local_path
from .folders import regular_files
from .tensors import check_numbers


@contextmanager
def empty_init() -> Iterator[None]:
    """Have networks made on "meta", without values, to be given a checkpoint's.

    They take no memory, and draw no random numbers from a seeded run.  Left to itself torch would initialise them
    there too, to no effect, and import its compiler for it, which takes seconds.

    Example:
        >>> import torch
        >>> with empty_init():
        ...     network = torch.nn.Conv2d(3, 64, 3)
        >>> network.weight.is_meta
        True
    """
    with torch.device("meta"), _SkipInit():
        yield


class _SkipInit(TorchFunctionMode):
    """Leave values on "meta" as they are, which are none."""

    # Functions of `nn.init` that cannot be overridden are known by what they call.
    initialisers = {name for name in dir(nn.init) if name.endswith("_")} | {"uniform_", "normal_", "eye"}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self.initialisers:
            filled = kwargs.get("out", args[0] if args else kwargs.get("tensor"))
            if isinstance(filled, Tensor) and filled.is_meta:
                return filled
        return func(*args, **kwargs)


def check_state_dict(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    refuse: Callable[[str], WeightsError],
    prefix: str = "",
) -> dict[str, Tensor]:
    """Return a checkpoint's tensors in float32 if they are those that a network has, of numbers that networks have.

    Args:
        tensors: those of the file by name.
        expected: those that the network has, as `state_dict()` gives them; their values may be on "meta".
        refuse: makes the error of what is wrong, such as "lacks conv1.bias".
        prefix: of the names in the file, for the message.

    Raises:
        WeightsError: that of `refuse`.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(2, 1, bias=False)
        >>> check_state_dict({"weight": torch.zeros(1, 3)}, layer.state_dict(), WeightsError)
        Traceback (most recent call last):
        ...
        impasto.errors.WeightsError: weight is (1, 3), expected (1, 2)
    """
    for key, value in expected.items():
        if key not in tensors:
            raise refuse(f"lacks {prefix}{key}")
        if tensors[key].shape != value.shape:
            raise refuse(f"{prefix}{key} is {tuple(tensors[key].shape)}, expected {tuple(value.shape)}")
    unexpected = [key for key in tensors if key not in expected]
    if unexpected:
        raise refuse(f"has {prefix}{unexpected[0]}, which is no part of such a network")
    check_numbers({key: tensors[key] for key, value in expected.items() if value.is_floating_point()}, refuse, prefix)
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}


Arguments = ParamSpec("Arguments")
Shared = TypeVar("Shared")
Networks = TypeVar("Networks", bound=nn.Module | Mapping[str, nn.Module])


def cached(
    load: Callable[[Path], Networks], path: str | os.PathLike[str], device: torch.device | str | None
) -> Networks:
    """Return the networks of a file or folder, ready to use; the same ones until it changes.

    Args:
        load: reads a network, or several by name; always the same function, for a lambda would read it anew.
        path: the file or folder; it is read again when it has changed.
        device: where they compute; None is the CPU.

    Example:
        >>> import tempfile
        >>> def read(file):
        ...     network = nn.Linear(1, 1)
        ...     network.load_state_dict(torch.load(file, weights_only=True))
        ...     return network
        >>> file = Path(tempfile.mkdtemp(), "line.pt")
        >>> torch.save(nn.Linear(1, 1).state_dict(), file)
        >>> cached(read, file, "cpu") is cached(read, file, "cpu")
        True
    """
    given = local_path(path).resolve()
    stamps = tuple((str(file), *stamp) for file, stamp in regular_files(given).items())
    return cast(Networks, _cached(load, given, stamps, indexed_device(device)))


_lock = RLock()
"""Held while a network is made, which may be made of others."""


def _renew_lock() -> None:
    """Have a lock that is open, where a thread of the process that this one was forked from held it."""
    global _lock
    _lock = RLock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_lock)


def shared_cache(maxsize: int) -> Callable[[Callable[Arguments, Shared]], Callable[Arguments, Shared]]:
    """Return a decorator that keeps what a function returned last, as `lru_cache` does, and for all threads the same.

    Threads that ask at the same time wait for the first and get what it gets, where `lru_cache` makes one for each.

    Args:
        maxsize: how many results are kept.

    Example:
        >>> @shared_cache(maxsize=2)
        ... def blur(channels):
        ...     return nn.Conv2d(channels, channels, 3)
        >>> blur(3) is blur(3)
        True
    """

    def decorate(function: Callable[Arguments, Shared]) -> Callable[Arguments, Shared]:
        kept = cast(Callable[Arguments, Shared], lru_cache(maxsize=maxsize)(function))

        @wraps(function)
        def shared(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Shared:
            with _lock:
                return kept(*args, **kwargs)

        return shared

    return decorate


@shared_cache(maxsize=24)
def _cached(
    load: Callable[[Path], nn.Module | Mapping[str, nn.Module]], path: Path, stamps: object, device: torch.device
) -> nn.Module | Mapping[str, nn.Module]:
    networks = load(path)
    for network in [networks] if isinstance(networks, nn.Module) else networks.values():
        freeze(network, device)
    return networks


def freeze(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a network itself, ready to use: on a device, in float32, in evaluation mode, without gradients of weights.

    Args:
        network: is changed in place.
        device: where it computes.

    Example:
        >>> freeze(nn.Conv2d(3, 4, 3), torch.device("cpu")).weight.requires_grad
        False
    """
    network.eval().requires_grad_(False).float().to(device)  # whatever torch makes by default; complex numbers stay
    if device.type == "cpu":  # where convolutions in bfloat16 are fast in this layout alone
        network.to(memory_format=torch.channels_last)
    return network
