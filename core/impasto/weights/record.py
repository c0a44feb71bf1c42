"""The record of a trained network's file: what it is, where it comes from, how the right one is known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(frozen=True)
class Weights:
    """A trained network's file: what it is, where it comes from, and how to know it is the right one.

    Args:
        name: the file's name, such as `vgg19-dcbb9e9d.pth`.
        sha256: of the file, in hex; its first 8 digits or more where only those are published.
        size: of the file, in bytes.
        licence: of the weights.
        origin: who trained it, on what; one line.
        expects: what the network is and what it takes; one line.
        url: where it can be downloaded; None when it cannot.
        file: where it lies inside a wheel, the package first: `impasto/networks/slim19.safetensors`; or None.

    Example:
        >>> from impasto.networks import VGG19
        >>> VGG19.name, VGG19.size
        ('vgg19-dcbb9e9d.pth', 574673361)
    """

    name: str
    sha256: str
    size: int
    licence: str
    origin: str
    expects: str
    url: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{8,64}", self.sha256):
            raise ValueError(
                f"{self.name}: sha256 = {self.sha256!r} does not fit\n"
                "  what would work: 64 digits of 0-9a-f, or the first 8 or more of them"
            )


T = TypeVar("T")


@dataclass(frozen=True)
class Loader(Generic[T]):
    """A function that loads a network, with the records of its weights: what a plugin offers by name.

    So a stage of another plugin that uses the network by its name can say which weights it needs:
    `impasto.networks.records(name)`.

    Args:
        load: returns the network.
        weights: records of what it needs.

    Example:
        >>> import impasto
        >>> from impasto.networks import SLIM19, load_slim19
        >>> load = Loader(load_slim19, (SLIM19,))
        >>> type(load()).__name__, load.weights[0].name
        ('VGG', 'slim19.safetensors')
    """

    load: Callable[[], T]
    weights: tuple[Weights, ...]

    def __call__(self) -> T:
        """Return the network."""
        return self.load()
