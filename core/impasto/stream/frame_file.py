"""A file of frames in the making: under its name only when it is whole, and beside it where that is not to be."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal

from typing_extensions import Self

from ..errors import PictureError, quoted
from ..files import PartFile, check_targets, local_path
from ..functional.resizing import resize, size_text
from ..picture import Picture
from ..validation import python_number
from .ffmpeg import FPS


class FrameFile(ABC):
    """Write frame after frame to one file, of one size; a context manager.

    Where the block ends by an error or an interruption, what was written is closed as a file that plays, under the
    name that `interrupted_path` gives.  What has that name from an earlier time is there until then, or until the
    file is whole.

    Args:
        path: what suffixes there are, the kinds say.
        fps: frames per second; None takes the source's times, or 25.
        keep: files that must survive; those that frames come from always do.
        recipe: whether the file carries the recipe of its first frame.

    Raises:
        PictureError: a suffix that cannot be written, or a file to keep.
    """

    suffixes: ClassVar[tuple[str, ...]]
    kind: ClassVar[str]
    failures: tuple[type[Exception], ...] = (OSError,)
    """What the library that writes raises."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction | None = None,
        keep: Iterable[str | Path] = (),
        *,
        recipe: bool = True,
    ) -> None:
        self.path = local_path(path)
        if self.path.suffix.lower() not in self.suffixes:
            raise PictureError(
                f"{self.path}: '{self.path.suffix}' names no {self.kind} that can be written\n"
                f"  what would work: {', '.join(self.suffixes)}"
            )
        check_targets([self.path, interrupted_path(self.path)], keep)
        rate = fps if fps is None or isinstance(fps, Fraction) else python_number(fps)
        if fps is not None and not (rate is not None and 0 < rate <= 1000):
            raise ValueError(
                f"{self.path}: fps = {quoted(fps)} should be a number above 0 and at most 1000\n  what would work: 25"
            )
        self._fps = None if rate is None else Fraction(rate).limit_denominator(1001)
        self._recipe = recipe
        self._size: tuple[int, int] | None = None
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        self._part = PartFile(self.path, self.path.suffix)
        return self

    def write(self, picture: Picture) -> None:
        """Add a frame."""
        try:
            if self._size is None:
                self._begin_with(picture)
            self._add(self._fitted(picture))
        except self.failures as error:
            raise PictureError(
                f"{self.path}: could not be written ({getattr(error, 'strerror', None) or error})\n"
                f"  what would work: check the folder's permissions and the space left{self._another}"
            ) from error

    _another = ""

    def _begin_with(self, first: Picture) -> None:
        video = first.meta.video
        if first.meta.file:
            check_targets([self.path, interrupted_path(self.path)], [first.meta.file])
        self._timed = self._fps is None and first.meta.time is not None
        self._rate: Fraction = self._fps or (FPS if video is None else video.fps)
        self._begin(first if self._recipe else first.replace(meta=first.meta.replace(recipe=None)))
        self._size = first.size

    def _fitted(self, picture: Picture) -> Picture:
        """Return a picture of the size of the first, which a file of frames has."""
        assert self._size is not None
        if picture.size == self._size:
            return picture
        self._warn(
            f"frames of {size_text(picture.size)} are resized to {size_text(self._size)}, the first one's size, since"
            f" a {self.kind} has one"
        )
        alpha = None if picture.alpha is None else resize(picture.alpha, self._size)
        return picture.replace(tensor=resize(picture.tensor, self._size), alpha=alpha)

    def _warn(self, text: str) -> None:
        """Warn, once for this file."""
        if text not in self._warned:
            self._warned.add(text)
            warnings.warn(f"{self.path}: {text}", stacklevel=2)

    @abstractmethod
    def _begin(self, first: Picture) -> None:
        """Begin the file, of the size and the kind of the first picture."""

    @abstractmethod
    def _add(self, picture: Picture) -> None:
        """Add a frame of the file's size."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what a file that plays ends with, and close it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        kept = interrupted_path(self.path)
        with self._part:
            if self._size is None:
                return False
            try:
                self._finish()
                self._part.publish(None if error is None else kept)
                if error is None:
                    kept.unlink(missing_ok=True)
            except self.failures as failure:
                if error is None:
                    raise PictureError(
                        f"{self.path}: could not be finished ({failure})\n"
                        f"  what would work: check the space left{self._another}"
                    ) from failure
        return False


def interrupted_path(path: Path) -> Path:
    """Return the name under which a video that was interrupted is kept: `clip.interrupted.mp4`."""
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")
