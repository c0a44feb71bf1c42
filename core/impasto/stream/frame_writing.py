"""Frames written to a folder, an animation or a video, behind the painting."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable
from contextlib import closing, nullcontext
from fractions import Fraction
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from tqdm import tqdm
from typing_extensions import Self

from ..errors import PictureError
from ..files import PICTURES, VIDEOS, check_target, local_path, make_folder
from ..picture import Picture, check_format
from .animation_writing import AnimationFile
from .frame_reading import frame_error
from .threads import written_behind
from .video_writing import VideoFile

BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""tqdm's own, but for a rate that never turns into seconds per frame."""


_SUFFIX = re.compile(r"\.[a-z]\w{1,3}")
"""What a name ends in that is hardly meant for a folder."""


class _Sink(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]: ...
    def write(self, picture: Picture) -> object: ...


class _Folder:
    """Write pictures to a folder, named as their files, or else by their numbers."""

    def __init__(self, path: Path, suffix: str, **options: Any) -> None:
        self._path, self._suffix, self._options = path, suffix, options
        self._names: dict[str, Any] = {}

    def __enter__(self) -> Self:
        make_folder(self._path)
        check_target(self._path / f"frame{self._suffix}")
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        return False

    def write(self, picture: Picture) -> None:
        file = None if picture.meta.video is not None else picture.meta.file
        name = Path(file).stem if file else f"frame-{picture.meta.frame or len(self._names) + 1:06}"
        if name in self._names:
            raise PictureError(
                f"{self._path / (name + self._suffix)}: {self._names[name]} and {file} would both be written there\n"
                "  what would work: one folder for each"
            )
        self._names[name] = file
        picture.save(self._path / f"{name}{self._suffix}", **self._options)


def _sink(
    path: Path,
    fps: float | Fraction | None,
    suffix: str,
    bits: int,
    quality: int,
    recipe: bool | None,
    keep: Iterable[str | Path],
) -> _Sink:
    """Return what writes to a path, by its suffix; whatever is no file that can be written is a folder.

    Raises:
        PictureError: the name of a file that can hold no frames, or not with these options.
    """
    kind = "" if path.is_dir() else path.suffix.lower()
    if kind in VIDEOS or kind in AnimationFile.suffixes:
        if bits != 8:
            raise PictureError(
                f"{path}: frames have 8 bits there, not {bits}\n  what would work: a folder: {path.stem}"
            )
        if kind in VIDEOS:
            return VideoFile(path, fps, keep, recipe=recipe is not False)
        return AnimationFile(path, fps, keep, recipe=recipe is not False, quality=quality)
    if kind in PICTURES or _SUFFIX.fullmatch(kind):
        raise PictureError(
            f"{path}: frames do not go into a file '{path.suffix}'\n"
            f"  what would work: {', '.join((*AnimationFile.suffixes, *VideoFile.suffixes))}, or a folder: {path.stem}"
        )
    check_format(f"frame{suffix}", bits, quality)
    return _Folder(path, suffix, bits=bits, quality=quality, recipe=recipe, keep=tuple(keep))


def write(
    frames: Iterable[Picture],
    out: str | os.PathLike[str],
    *,
    fps: float | Fraction | None = None,
    suffix: str = ".png",
    behind: int = 4,
    shown: bool = False,
    total: int | None = None,
    keep: Iterable[str | Path] = (),
    bits: int = 8,
    quality: int = 95,
    recipe: bool | None = None,
) -> int:
    """Write frames to a video, an animation or a folder, by a thread of its own, as they come.

    Args:
        frames: pictures, such as `pipe.stream("clip.mp4", style)` gives.
        out: a video file (see `VideoFile`), an animated GIF, WebP or PNG (see `AnimationFile`), or a folder, which is
            made: there a picture is named as its file, and one without a file by its number, `frame-000001.png`.
        fps: frames per second; None keeps the times of the video or animation that the frames are from, else 25.
        suffix: of the pictures in a folder.
        behind: frames that may wait to be written, which bounds the memory.
        shown: whether to draw a progress bar with frames per second.
        total: how many frames there are, for the bar.
        keep: files that must survive; those that the frames were read from always do.
        bits: of the pictures in a folder, 8 or 16.
        quality: of lossy pictures, and of an animated WebP, 1 to 100.
        recipe: of the pictures in a folder, as for `Picture.save`; False leaves it out of a video or an animation.

    Returns:
        How many frames were written.

    Raises:
        FrameError: a frame could not be read, painted or written; names it.  What was written stays; of a video or an
            animation it is closed, plays, and has the name that `interrupted_path` gives, as after an interruption.
        PictureError: `out` names a file that cannot hold frames.
        TypeError: a frame is no picture, such as a tensor.

    Example:
        >>> import tempfile, impasto
        >>> photos = [impasto.samples.content("astronaut", 64), impasto.samples.content("cat", 64)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(impasto.Pipeline().stream(photos), folder)
        2
    """
    sink = _sink(local_path(out), fps, suffix, bits, quality, recipe, keep)
    number = count(1)
    written = 0

    def save(picture: Picture) -> None:
        counted = next(number)
        meta = picture.meta.replace(frame=picture.meta.frame or counted)
        try:
            sink.write(picture)
        except Exception as error:
            raise frame_error(meta, error) from error

    steps = iter(frames)
    bar = tqdm(total=total or None, unit=" frames", disable=not shown, bar_format=BAR)
    reading = closing(steps) if isinstance(steps, Generator) else nullcontext()
    with bar, sink, reading, written_behind(save, behind) as put:
        for picture in steps:
            if not isinstance(picture, Picture):
                raise TypeError(
                    f"write: a frame is a {type(picture).__name__}, and no Picture\n"
                    "  what would work: pictures, as a stream gives them"
                )
            put(picture)
            written += 1
            bar.update()
    return written
