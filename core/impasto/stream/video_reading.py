"""Videos read: a file decoded frame after frame, upright, with times and sound."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import PictureError
from ..files import existing_file
from ..picture import MAX_PIXELS, Metadata, Picture, read
from ..picture.embedded_recipe import unmarked_recipe
from ..picture.stated_color import HIGH_DYNAMIC_RANGE
from .ffmpeg import BT709, FPS, pyav

READERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf"
"""Containers by FFmpeg's names.  Others, such as playlists, could make a file open further files."""

UNSPECIFIED = 2
ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
HIGH_DEFINITION = 720  # lines from which a video that does not say so is in BT.709, as players assume


class Video:
    """A video file; iterating decodes its frames, upright, as pictures that know their time.

    Args:
        path: MP4, MOV, MKV, WebM, AVI, MPEG, Ogg, FLV or WMV.
        max_pixels: refuse larger frames before decoding them; None: 178,956,970.

    Attributes:
        fps: frames per second, on average.
        count: about how many frames it says it has; 0 if it does not say.
        aspect: width of a stored pixel relative to its height.
        time_base: seconds in which its times are counted.
        sound: whether it has an audio track.
        recipe: how it was painted, TOML text of whoever wrote it; None where it does not say.

    Raises:
        ImportError: PyAV is not installed; says what to type.
        PictureError: not a video, damaged, empty or too large.
        FileNotFoundError: no such file.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_pixels: int | None = None) -> None:
        av = pyav()
        self.path = existing_file(path)
        self._max_pixels = MAX_PIXELS if max_pixels is None else max_pixels
        if not self.path.stat().st_size:
            raise PictureError(f"{self.path}: is empty\n  what would work: a fresh copy of the file")
        with self._decoding(), self._open() as container:
            stream = container.streams.video[0]
            self.fps: Fraction = stream.average_rate or stream.guessed_rate or FPS
            self.time_base: Fraction = stream.time_base
            self.aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)
            seconds = Fraction(container.duration, av.time_base) if container.duration else Fraction(0)
            self.count: int = stream.frames or round(seconds * self.fps)
            self.sound = bool(container.streams.audio)
            self._seconds = _stated_seconds(stream, seconds if len(container.streams) == 1 else None)
            comments = (text for key, text in container.metadata.items() if key.lower() == "comment")
            self.recipe = next(filter(None, map(unmarked_recipe, comments)), None)

    def container(self) -> Any:
        """Return the file as PyAV opens it: as a video, and nothing that leads on to other files."""
        options = {"format_whitelist": READERS, "protocol_whitelist": "file"}
        return pyav().open(f"file:{self.path}", options=options)

    def _open(self) -> Any:
        container = self.container()
        if not container.streams.video:
            found = ", ".join(stream.type for stream in container.streams) or "nothing that can be read"
            container.close()
            raise PictureError(
                f"{self.path}: holds no video, only {found}\n  what would work: a fresh copy, or another file"
            )
        stream = container.streams.video[0]
        height, width = stream.codec_context.height, stream.codec_context.width
        if height * width > self._max_pixels:
            container.close()
            raise self._too_large(height, width)
        # A stream can change its size; the decoder refuses before it takes the memory.
        stream.codec_context.options = {"max_pixels": str(self._max_pixels)}
        stream.thread_type = "AUTO"
        return container

    def _too_large(self, height: int, width: int) -> PictureError:
        return PictureError(
            f"{self.path}: {width} × {height}, {width * height:,} pixels a frame, over the limit of"
            f" {self._max_pixels:,}\n  what to type: max_pixels={width * height}, if you trust the file"
        )

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except pyav().FFmpegError as error:
            raise PictureError(
                f"{self.path}: could not be decoded ({error.strerror or error}); it is no video, damaged, cut short or"
                " of a rare kind\n  what would work: a fresh copy, or the video converted to MP4 (H.264)"
            ) from error

    def __iter__(self) -> Iterator[Picture]:
        number, end, start = 0, Fraction(0), None
        with self._decoding():
            container = self._open()
        with closing(container):
            frames = self._frames(container)
            while True:
                with self._decoding():
                    frame = next(frames, None)
                    if frame is None:
                        break
                    if frame.is_corrupt:
                        raise PictureError(f"{self.path}: is damaged here\n  what would work: a fresh copy")
                    array, turns = self._upright(frame)
                number += 1
                if frame.color_trc in HIGH_DYNAMIC_RANGE and number == 1:
                    warnings.warn(
                        f"{self.path}: has a high dynamic range, which is read as if it had none: pale\n"
                        "  what would work: the video converted to BT.709",
                        stacklevel=2,
                    )
                base = frame.time_base or self.time_base
                time = end if frame.pts is None else frame.pts * base
                start, end = time if start is None else start, time + (frame.duration * base or 1 / self.fps)
                aspect = 1 / self.aspect if turns % 2 else self.aspect
                meta = Metadata(file=str(self.path), frame=number, time=time, aspect=aspect, video=self)
                yield read(array).replace(meta=meta)
        if start is None:
            raise PictureError(f"{self.path}: has no frames\n  what would work: a fresh copy of the file")
        if self._seconds is not None and end - start < self._seconds - 1:
            warnings.warn(
                f"{self.path}: is cut short; it says it lasts {float(self._seconds):.1f} s and ends after"
                f" {float(end - start):.1f} s, {number} frames",
                stacklevel=2,
            )

    def _frames(self, container: Any) -> Iterator[Any]:
        """Return the frames as they are decoded, with their transparency where there is a decoder for it."""
        stream = container.streams.video[0]
        if stream.metadata.get("alpha_mode") != "1":
            return iter(container.decode(stream))
        # FFmpeg's own decoders of VP8 and VP9 leave transparency out.
        library = pyav()
        try:
            decoder = library.CodecContext.create(ALPHA_DECODERS[stream.codec_context.name], "r")
            decoder.options = stream.codec_context.options
            decoder.open()
        except (KeyError, ValueError, library.FFmpegError):
            warnings.warn(
                f"{self.path}: its transparency is left out, which needs a decoder that this PyAV lacks"
                "\n  what would work: a .mov with an alpha channel, or a folder of PNG",
                stacklevel=3,
            )
            return iter(container.decode(stream))
        return (frame for packet in container.demux(stream) for frame in decoder.decode(packet))

    def _upright(self, frame: Any) -> tuple[npt.NDArray[np.uint8], int]:
        """Return a frame's colours (H, W, 3 or 4), turned as its file says, and by how many quarters."""
        if frame.height * frame.width > self._max_pixels:
            raise self._too_large(frame.height, frame.width)
        guessed = frame.colorspace == UNSPECIFIED and frame.height >= HIGH_DEFINITION
        alpha = any(component.is_alpha for component in frame.format.components)
        rgb = frame.reformat(format="rgba" if alpha else "rgb24", src_colorspace=BT709 if guessed else None)
        turns = round(frame.rotation / 90)
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns)), turns

    def packets(self) -> Iterator[Any]:
        """Iterate over the packets of the first audio track."""
        with self._decoding(), closing(self._open()) as container:
            yield from (packet for packet in container.demux(container.streams.audio[0]) if packet.dts is not None)


def _stated_seconds(stream: Any, of_file: Fraction | None) -> Fraction | None:
    """Return how long a video track says it is; what a file says may be of its sound.

    Args:
        stream: the video track.
        of_file: what the file says, where it has no other track.
    """
    if stream.duration:
        return Fraction(stream.duration * stream.time_base)
    named = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if named:
        return Fraction(int(named[1]) * 3600 + int(named[2]) * 60) + Fraction(named[3])
    return of_file or None
