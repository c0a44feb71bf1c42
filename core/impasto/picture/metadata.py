"""What is known of a picture beside its pixels: what its file said, and where its painting was interrupted."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..files import is_among


@dataclass(frozen=True)
class Metadata:
    """What files say of a picture, and what is written with it; None where nothing is known.

    Args:
        file: path it was read from.
        format: of the file, as Pillow calls it, such as "JPEG".
        icc: colour profile of the pixels, bytes.
        exif: EXIF block, bytes.
        density: pixels to the inch, across and down, which is how large it is printed.
        bits: depth of the file that was read: 8, 16 or 32.
        recipe: how it was made, TOML text.
        frame: number in its stream, from 1.
        time: in its stream, in seconds.
        duration: how long it is shown, in seconds, where its stream says.
        cut: whether a new shot begins with it, where a stage that looks back asked for that.
        aspect: width of its pixels divided by their height, for frames of videos.
        video: the `impasto.stream.Video` or `Animation` that it is a frame of.
        superseded: files that are of no use once it is written, such as checkpoints, and that are then removed.

    Example:
        >>> Metadata(bits=8).replace(frame=3).frame
        3
    """

    file: str | None = None
    format: str | None = None
    icc: bytes | None = dataclasses.field(default=None, repr=False)
    exif: bytes | None = dataclasses.field(default=None, repr=False)
    density: tuple[float, float] | None = None
    bits: int | None = None
    recipe: str | None = dataclasses.field(default=None, repr=False)
    frame: int | None = None
    time: Fraction | None = None
    duration: Fraction | None = None
    cut: bool | None = None
    aspect: Fraction | None = None
    video: Any = dataclasses.field(default=None, repr=False)
    superseded: tuple[Path, ...] = dataclasses.field(default=(), repr=False)

    def replace(self, **changes: Any) -> Metadata:
        """Return a copy with some entries replaced."""
        return dataclasses.replace(self, **changes)

    def remove_superseded(self, written: Iterable[Path] = ()) -> None:
        """Remove the files that are of no use now.

        Args:
            written: files that the picture was written to, one of which may have been given the name of such a file.
        """
        for file in self.superseded:
            if is_among(file, written):
                continue
            with contextlib.suppress(OSError):  # what stays does no harm
                file.unlink()


@dataclass(frozen=True)
class Interrupted:
    """Where an iterative stage was stopped before its last step.

    Example:
        >>> str(Interrupted("gatys", 31, 300))
        'gatys at step 31 of 300'
    """

    stage: str
    step: int
    steps: int

    def __str__(self) -> str:
        return f"{self.stage} at step {self.step} of {self.steps}"
