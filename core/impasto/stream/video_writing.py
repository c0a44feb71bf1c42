"""Videos written: frame after frame, under their name only when they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PictureError
from ..picture import Picture
from ..picture.arrays import integer_pixels, over_white
from ..picture.embedded_recipe import marked_recipe
from .animation_reading import Animation
from .ffmpeg import BT709, pyav
from .frame_file import FrameFile
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


class VideoFile(FrameFile):
    """Write frame after frame to a video file; under its name only when it is whole.

    A context manager: where the block ends by an error or an interruption, what was written is closed as a video
    that plays, under the name that `interrupted_path` gives.  Frames that come from a video keep its times, the shape
    of its pixels and its sound, which is copied.  H.264 and its kind need even sides: an odd one gets one more row or
    column, with a warning.  Frames of other sizes than the first are resized, and transparent ones blended over
    white but in .webm, with a warning.

    Args:
        path: ends in .mp4, .m4v, .mov, .mkv or .webm.
        fps: frames per second; None takes the source's times, or 25.
        keep: files that must survive; the video that frames come from always does.
        recipe: whether the file carries the recipe of its first frame.

    Raises:
        ImportError: PyAV is not installed; says what to type.
        PictureError: a suffix that cannot be written, or a file to keep.
    """

    suffixes, kind = WRITABLE, "video"
    _another = ", or end the name in .mkv"

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction | None = None,
        keep: Iterable[str | Path] = (),
        *,
        recipe: bool = True,
    ) -> None:
        super().__init__(path, fps, keep, recipe=recipe)
        self._library = pyav()
        self.failures = (self._library.FFmpegError, OSError)
        self._container: Any = None
        self._stream: Any = None
        self._alpha = False
        self._count, self._last = 0, -1

    def _add(self, picture: Picture) -> None:
        color, alpha = picture.tensor, picture.alpha
        if alpha is None and self._alpha:
            alpha = color.new_ones(color[:, :1].shape)
        if alpha is not None and not self._alpha:
            if alpha.amin() < 1:
                self._warn(
                    "is blended over white, as its kind of video or its first frame has no transparency; .webm, .gif,"
                    " .webp and .png keep it"
                )
            color, alpha = over_white(color, alpha), None
        pixels = integer_pixels(color, alpha)
        height, width = picture.size
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._library.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if self._alpha else "rgb24")
        frame = frame.reformat(format=self._stream.codec_context.pix_fmt, dst_colorspace=BT709)
        frame.colorspace = frame.color_primaries = frame.color_trc = BT709
        time, duration = self._count / self._rate, 1 / self._rate
        if self._timed:
            time = (picture.meta.time or 0) - self._start
            duration = picture.meta.duration or duration
        self._last = max(self._last + 1, round(time / self._unit))
        frame.pts, frame.time_base = self._last, self._unit
        frame.duration = max(1, round(duration / self._unit))
        self._container.mux(self._stream.encode(frame))
        self._count += 1
        self._copy_sound(time + duration)

    def _begin(self, first: Picture) -> None:
        video: Video | Animation | None = first.meta.video
        self._unit = 1 / self._rate
        if self._timed:
            self._unit = Fraction(1, 1000) if video is None else video.time_base
        self._start = first.meta.time or Fraction(0)
        height, width = (side + side % 2 for side in first.size)
        if (height, width) != first.size:
            self._warn(
                f"is {width} × {height}; the last row or column of frames of {first.size[1]} × {first.size[0]} is"
                " repeated, since videos have even sides"
            )
        codec, options = self._encoder()
        if isinstance(video, Animation):  # frames that come out of order would take the last one's duration
            options = options | {"bf": "0"} if codec != "libvpx-vp9" else options
        self._alpha = first.alpha is not None and codec == "libvpx-vp9"
        if self._alpha:
            options = options | {"auto-alt-ref": "0"}  # its alternate frames have no transparency
        self._container = self._library.open(str(self._part.path), "w")
        if first.meta.recipe:
            self._container.metadata["comment"] = marked_recipe(first.meta.recipe)
        self._stream = self._container.add_stream(codec, rate=self._rate, options=options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuva420p" if self._alpha else "yuv420p"
        context.time_base = self._unit
        context.flags |= self._library.codec.context.Flags.frame_duration  # else each lasts as long as on average
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.sample_aspect_ratio = first.meta.aspect or Fraction(1)
        self._sound: Iterator[Any] = iter(())
        self._packet: Any = None
        if isinstance(video, Video) and video.sound:
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
                self._warn(f"encoded by {name}, since {encoders[0][0]} is not there")
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
            with video.container() as source:
                template = source.streams.audio[0]
                name = template.codec_context.name
                if name in self._container.supported_codecs:
                    self._track = self._container.add_stream_from_template(template)
                    self._sound = video.packets()
                    self._packet = next(self._sound, None)
                    return
            reason = f"{self.path.suffix} cannot hold its {name}; .mkv can"
        self._warn(f"is without the sound of {video.path}, since {reason}")

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

    def _finish(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
            self._sound = iter(())
