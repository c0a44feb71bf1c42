"""Animations written: GIF, WebP and PNG, frame after frame, with their times, transparency and repetitions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..picture import Picture
from ..picture.arrays import integer_pixels
from .animation_formats import GifFrames, Pixels, PngFrames, WebpFrames
from .animation_reading import Animation
from .frame_file import FrameFile

FORMATS: dict[str, type[GifFrames | PngFrames | WebpFrames]] = {
    ".gif": GifFrames,
    ".webp": WebpFrames,
    ".png": PngFrames,
    ".apng": PngFrames,
}

SHORTEST = Fraction(2, 100)
"""Seconds; browsers show a frame of a GIF that is to last less for a tenth of a second."""


class AnimationFile(FrameFile):
    """Write frame after frame to an animated GIF, WebP or PNG; under its name only when it is whole.

    A context manager: where the block ends by an error or an interruption, what was written is closed as an animation
    that plays, under the name that `interrupted_path` gives.  Frames that come from an animation or a video keep
    their times, and how often it is shown; others are shown without end.  A GIF has 256 colours a frame, pixels that
    are seen or not, and 50 frames a second at most; what that loses is said once.

    Args:
        path: ends in .gif, .webp, .png or .apng.
        fps: frames per second; None takes the source's times, or 25.
        keep: files that must survive; the file that frames come from always does.
        recipe: whether the file carries the recipe of its first frame.
        quality: of WebP, 1 to 100.

    Raises:
        PictureError: a suffix that cannot be written, or a file to keep.

    Example:
        >>> import tempfile, impasto
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with AnimationFile(f"{folder}/two.gif", fps=2) as out:
        ...         for name in ("cat", "coffee"):
        ...             out.write(impasto.read(impasto.samples.content(name, 64)))
        ...     Animation(f"{folder}/two.gif").fps
        Fraction(2, 1)
    """

    suffixes, kind = tuple(FORMATS), "animation"

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction | None = None,
        keep: Iterable[str | Path] = (),
        *,
        recipe: bool = True,
        quality: int = 95,
    ) -> None:
        super().__init__(path, fps, keep, recipe=recipe)
        self._quality = quality

    def _begin(self, first: Picture) -> None:
        source = first.meta.video
        plays = source.plays if isinstance(source, Animation) else 0
        self._file: BinaryIO = self._part.path.open("wb")
        self._frames = FORMATS[self.path.suffix.lower()](self._file, first.size, plays, first.meta, self._quality)
        self._waiting: tuple[Pixels, Picture] | None = None
        self._end = self._written = Fraction()

    def _add(self, picture: Picture) -> None:
        pixels = integer_pixels(picture.tensor, picture.alpha)
        if pixels.shape[-1] == 3:
            pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], -1)
        opacity = pixels[..., 3]
        if self._frames.tick == GifFrames.tick and ((opacity > 0) & (opacity < 255)).any():
            self._warn(
                "half transparent pixels are seen or not, as a GIF knows nothing between; .webp and .png keep them"
            )
        self._write_waiting(picture, picture.alpha is not None)
        self._waiting = pixels, picture.replace(tensor=picture.tensor[..., :1, :1], alpha=None)

    def _write_waiting(self, following: Picture | None, cleared: bool) -> None:
        """Write the frame that waits to know how long it is shown, and whether the next one lets it through."""
        if self._waiting is None:
            return
        pixels, picture = self._waiting
        duration = 1 / self._rate
        if self._timed:
            duration = picture.meta.duration or duration
            begin, end = picture.meta.time, None if following is None else following.meta.time
            if begin is not None and end is not None and end > begin:
                duration = end - begin
        self._end += duration
        tick = self._frames.tick
        lasts = self._end - self._written if tick is None else round((self._end - self._written) / tick) * tick
        said = self._timed and picture.meta.duration == tick  # by the source, as browsers show it too
        if tick == GifFrames.tick and lasts < SHORTEST and not said:
            if following is not None:
                self._warn("a GIF has 50 frames per second at most; some frames are left out, so that it lasts as long")
                return
            lasts = SHORTEST
        self._frames.add(pixels, max(lasts, tick or lasts), cleared)
        self._written += lasts

    def _finish(self) -> None:
        try:
            self._write_waiting(None, False)
            self._frames.close()
        finally:
            self._file.close()
