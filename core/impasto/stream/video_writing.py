"""Videos written: frame after frame, under their name only when they are whole."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from typing_extensions import Self

from ..errors import PictureError
from ..files import check_targets, local_path
from ..functional.resizing import resize
from ..picture import Picture
from ..picture.arrays import integer_pixels, over_white
from .ffmpeg import BT709, FPS, pyav
from .video_reading import Video

ENCODERS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    ".webm": (("libvpx-vp9", {"crf": "24", "b:v": "0", "row-mt": "1"}),),
    "": (
        ("libx264", {"crf": "18"}),
        ("mpeg4", {"flags": "+qscale", "global_quality": "354"}),  # 3 × 118, FFmpeg's unit of quality
    ),
}
"""By suffix, what to encode with, the first that is there, at a quality that shows no loss."""

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv", ".webm")  # AVI would lose the times of H.264


class VideoFile:
    """Write frame after frame to a video file; under its name only when it is whole.

    A context manager: where the block ends by an error or an interruption, what was written is closed as a video
    that plays, under the name that `interrupted_path` gives.  Frames that come from a video keep its times, the shape
    of its pixels and its sound, which is copied.  H.264 and its kind need even sides: an odd one gets one more row or
    column, with a warning.  Frames of other sizes than the first are resized, with a warning.

    Args:
        path: ends in .mp4, .m4v, .mov, .mkv or .webm.
        fps: frames per second; None takes the source's times, or 25.
        keep: files that must survive; the video that frames come from always does.

    Raises:
        ImportError: PyAV is not installed; says what to type.
        PictureError: a suffix that cannot be written, or a file to keep.
    """

    def __init__(
        self, path: str | os.PathLike[str], fps: float | Fraction | None = None, keep: Iterable[str | Path] = ()
    ) -> None:
        self._library = pyav()
        self.path = local_path(path)
        if self.path.suffix.lower() not in WRITABLE:
            raise PictureError(
                f"{self.path}: '{self.path.suffix}' names no video that can be written\n"
                f"  what would work: {', '.join(WRITABLE)}"
            )
        check_targets([self.path, interrupted_path(self.path)], keep)
        if fps is not None and not 0 < fps <= 1000:
            raise ValueError(f"{self.path}: fps = {fps} should be above 0 and at most 1000")
        self._fps = None if fps is None else Fraction(fps).limit_denominator(1001)
        self._part = self.path.with_name(f".{self.path.stem}.{os.getpid()}{self.path.suffix}")
        self._container: Any = None
        self._stream: Any = None
        self._last = -1

    def __enter__(self) -> Self:
        interrupted_path(self.path).unlink(missing_ok=True)
        return self

    def write(self, picture: Picture) -> None:
        """Add a frame."""
        try:
            self._write(picture)
        except self._library.FFmpegError as error:
            raise PictureError(
                f"{self.path}: could not be written ({error.strerror or error})\n  what would work: check the folder's"
                " permissions and the space left, or end the name in .mkv"
            ) from error

    def _write(self, picture: Picture) -> None:
        if self._container is None:
            self._begin(picture)
        if picture.size != self._size:
            warnings.warn(
                f"{self.path}: frames of {_extent(picture.size)} are resized to {_extent(self._size)}, the first one's"
                " size, since a video has one",
                stacklevel=2,
            )
            picture = Picture(resize(picture.tensor, self._size))
        color = picture.tensor if picture.alpha is None else over_white(picture.tensor, picture.alpha)
        pixels = integer_pixels(color)
        height, width = self._size
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._library.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
        frame.colorspace = frame.color_primaries = frame.color_trc = BT709
        time = (picture.meta.time or 0) - self._start if self._timed else self._count / self._rate
        self._last = max(self._last + 1, round(time / self._unit))
        frame.pts, frame.time_base = self._last, self._unit
        frame.duration = round(1 / self._rate / self._unit)
        self._container.mux(self._stream.encode(frame))
        self._count += 1
        self._copy_sound(time + 1 / self._rate)

    def _begin(self, first: Picture) -> None:
        video: Video | None = first.meta.video
        if first.meta.file:
            check_targets([self.path, interrupted_path(self.path)], [first.meta.file])
        self._timed = video is not None and self._fps is None
        self._rate = self._fps or (video.fps if video else FPS)
        self._unit = video.time_base if video and self._timed else 1 / self._rate
        self._start = first.meta.time or Fraction(0)
        self._size, self._count = first.size, 0
        height, width = (side + side % 2 for side in self._size)
        if (height, width) != self._size:
            warnings.warn(
                f"{self.path}: is {_extent((height, width))}; the last row or column of frames of"
                f" {_extent(self._size)} is repeated, since videos have even sides",
                stacklevel=3,
            )
        codec, options = self._encoder()
        self._container = self._library.open(str(self._part), "w")
        self._stream = self._container.add_stream(codec, rate=self._rate, options=options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = self._unit
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.sample_aspect_ratio = first.meta.aspect or Fraction(1)
        self._sound: Iterator[Any] = iter(())
        self._packet: Any = None
        if video is not None and video.sound:
            self._open_sound(video)

    def _encoder(self) -> tuple[str, dict[str, str]]:
        """Return the name and options of the first encoder that this build of FFmpeg has."""
        encoders = ENCODERS.get(self.path.suffix.lower(), ENCODERS[""])
        for name, options in encoders:
            try:
                self._library.codec.Codec(name, "w")
            except ValueError:
                continue
            if name != encoders[0][0]:
                warnings.warn(f"{self.path}: encoded by {name}, since {encoders[0][0]} is not there", stacklevel=4)
            return name, options
        names = " or ".join(name for name, _ in encoders)
        raise PictureError(
            f"{self.path}: cannot be written, as this PyAV has no encoder {names}\n  what would work: a name that ends"
            " in .mp4\n  what to type: pip install --upgrade av"
        )

    def _open_sound(self, video: Video) -> None:
        if self._fps is not None:
            reason = f"its frames now last otherwise (fps={float(self._fps):g})"
        else:
            with self._library.open(str(video.path)) as source:
                template = source.streams.audio[0]
                name = template.codec_context.name
                if name in self._container.supported_codecs:
                    self._track = self._container.add_stream_from_template(template)
                    self._sound = video.packets()
                    self._packet = next(self._sound, None)
                    return
            reason = f"{self.path.suffix} cannot hold its {name}; .mkv can"
        warnings.warn(f"{self.path}: is without the sound of {video.path}, since {reason}", stacklevel=4)

    def _copy_sound(self, until: Fraction) -> None:
        """Copy the sound that begins before a time, in seconds from the first frame."""
        while self._packet is not None and self._packet.dts * self._packet.time_base - self._start < until:
            packet, self._packet = self._packet, next(self._sound, None)
            packet.stream = self._track
            shift = round(self._start / packet.time_base)
            packet.dts -= shift
            packet.pts = packet.dts if packet.pts is None else packet.pts - shift
            if packet.pts >= 0:
                self._container.mux(packet)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if self._container is None:
            return False
        try:
            try:
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()
                self._sound = iter(())
            os.replace(self._part, self.path if error is None else interrupted_path(self.path))
        except (self._library.FFmpegError, OSError) as failure:
            if error is None:
                raise PictureError(
                    f"{self.path}: could not be finished ({failure})\n"
                    "  what would work: check the space left, or end the name in .mkv"
                ) from failure
        finally:
            self._part.unlink(missing_ok=True)
        return False


def interrupted_path(path: Path) -> Path:
    """Return the name under which a video that was interrupted is kept: `clip.interrupted.mp4`."""
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")


def _extent(size: tuple[int, int]) -> str:
    return f"{size[1]} × {size[0]}"
