"""Animations read: GIF, WebP, PNG and AVIF of several frames with their times, and the pages of a TIFF."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Union

from PIL import Image, UnidentifiedImageError

from ..errors import PictureError
from ..files import existing_file
from ..picture import Picture, plugin_reader, read
from ..picture.decoding import check_size, decoding_errors, file_content, image_file, load, source_file
from ..picture.frame_table import MAX_FRAMES, UNSAID, frame_table, page_alone, with_frames_counted
from ..picture.gif import composed_frames
from .ffmpeg import FPS

Source = Union[str, "os.PathLike[str]", bytes, io.BytesIO, Image.Image]
"""Of an animation."""


class Animation:
    """A file of several pictures; iterating decodes one after the other, as pictures that know their time.

    A frame of a GIF that says 0 lasts a tenth of a second, as in browsers.  Frames come as they are seen, composed of
    those before them, with their transparency.  The pages of a TIFF have no times; its reduced copies and masks are
    left out.

    Args:
        source: GIF, WebP, PNG, AVIF, HEIC or TIFF: a path, bytes, also as an open file in memory, or an image that
            Pillow has opened.
        max_pixels: refuse larger frames before decoding them, and files longer than such a picture may be.

    Attributes:
        count: how many frames it has; 1 of a still picture.
        fps: frames per second, on average.
        plays: how often it is shown; 0 without end.

    Raises:
        PictureError: no picture, damaged, too large, or of more than 100,000 frames.
        FileNotFoundError: no such file.

    Example:
        >>> import io, impasto
        >>> first, second = impasto.samples.content("cat", 64), impasto.samples.content("coffee", 64)
        >>> out = io.BytesIO()
        >>> one, two = (impasto.read(picture).pil() for picture in (first, second))
        >>> one.save(out, "WEBP", save_all=True, append_images=[two], duration=[200, 300])
        >>> [str(frame.meta.time) for frame in Animation(out.getvalue())]
        ['0', '1/5']
    """

    time_base = Fraction(1, 1000)

    def __init__(self, source: Source, *, max_pixels: int | None = None) -> None:
        self.path: Path | None = None
        self._data = b""
        self._image: Image.Image | None = None
        if isinstance(source, Image.Image) and os.path.isfile(getattr(source, "filename", "")):
            source = str(getattr(source, "filename"))  # noqa: B009
        elif file := source_file(source):
            self.path = Path(file)
        if isinstance(source, Image.Image):
            self._image = source
        elif isinstance(source, bytes):
            self._data = source
        elif isinstance(source, io.BytesIO):
            self._data = source.getvalue()
        else:
            self.path = existing_file(source)
            self._data = file_content(self.path, max_pixels)
        self._name = str(self.path or ("the PIL image" if self._image else "the data given"))
        self._max_pixels = max_pixels
        with decoding_errors(self._name):
            image = self._open(said=True)  # where it is iterated over, or read as one picture
            self._table = frame_table(image, self._data)
            if image.format == "PNG" and len(self._table) > 1:
                self._data = with_frames_counted(self._data, len(self._table))
        self.count = max(1, len(self._table))
        if self.count > MAX_FRAMES:
            raise PictureError(
                f"{self._name}: has more than {MAX_FRAMES:,} frames\n  what would work: a part of it, or a video"
            )
        largest = max(self._table.gif, key=lambda frame: frame.width * frame.height, default=None)
        for size in (image.size, *([(largest.width, largest.height)] if largest else [])):
            check_size(size, self._name, max_pixels, len(self._data) or None)
        said = [duration for duration in self._table.durations if duration is not None]
        self.fps = len(said) / sum(said, Fraction()) if said else FPS
        self.plays = self._table.plays

    def _open(self, said: bool = False) -> Image.Image:
        return image_file(self._data, said) if self._image is None else self._image

    def __iter__(self) -> Iterator[Picture]:
        time: Fraction | None = Fraction(0)
        number = 0
        frames = self._pages if self._table.pages else self._gif_frames if self._table.gif else self._frames
        for number, (picture, duration) in enumerate(frames(), 1):
            time = None if duration is None else time
            meta = picture.meta.replace(
                file=None if self.path is None else str(self.path),
                frame=number,
                time=time,
                duration=duration,
                video=self,
            )
            yield picture.replace(meta=meta)
            time = None if duration is None or time is None else time + duration
        if number < self.count or not self._table.whole:
            kind = "pages" if self._table.pages else "frames"
            warnings.warn(
                f"{self._name}: is cut short, and ends after {number} {kind}\n  what would work: a fresh copy",
                stacklevel=2,
            )

    def _pages(self) -> Iterator[tuple[Picture, None]]:
        for number, page in enumerate(self._table.pages, 1):
            try:
                picture = read(page_alone(self._data, page), max_pixels=self._max_pixels)
            except PictureError as error:
                name = f"{self._name}, page {number}"
                raise PictureError(str(error).replace("the data given", name)) from error
            yield picture, None

    def _gif_frames(self) -> Iterator[tuple[Picture, Fraction | None]]:
        frames = composed_frames(self._data, self._table.gif)
        for duration in self._table.durations:
            with decoding_errors(self._name):
                frame = next(frames)
            yield read(Image.fromarray(frame), max_pixels=self._max_pixels), duration

    def _frames(self) -> Iterator[tuple[Picture, Fraction | None]]:
        with decoding_errors(self._name):
            image = self._open()
        # Before the frames of a PNG there may be a picture for programs that show none, which is not one of them.
        apart = getattr(image, "default_image", False)
        for number, duration in enumerate(self._table.durations or (None,), int(apart)):
            with decoding_errors(self._name):
                try:
                    image.seek(number)
                except EOFError:
                    return
                check_size(image.size, self._name, self._max_pixels, len(self._data) or None)
                load(image)
                frame = image.copy()
            if duration is None and "duration" in image.info:
                duration = Fraction(image.info["duration"] / 1000).limit_denominator(65535) or UNSAID
            yield read(frame, max_pixels=self._max_pixels), duration


def animation(source: Source, max_pixels: int | None) -> Animation | None:
    """Return the animation that a file, bytes or an open image hold; None where they hold one picture, or none."""
    file = source if isinstance(source, (str, os.PathLike)) else source_file(source)
    if file is not None and plugin_reader(os.fspath(file)):  # whose format looks like one of Impasto's, as raw files do
        return None
    try:
        found = Animation(source, max_pixels=max_pixels)
    except PictureError as error:
        if isinstance(error.__cause__, UnidentifiedImageError):
            return None  # no picture: explained where it is read
        raise
    return found if found.count > 1 else None
