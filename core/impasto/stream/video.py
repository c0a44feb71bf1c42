"""Frame after frame through a pipeline: folders, iterators and video files, read ahead and written behind."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from fractions import Fraction
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from tqdm import tqdm
from typing_extensions import Self

from ..errors import FrameError, PictureError
from ..files import VIDEOS
from ..picture import MAX_PIXELS, Metadata, Picture, read
from ..picture.picture import _existing, _quantise
from .messages import _name, _said
from .threads import written_behind

T = TypeVar("T")

FPS = Fraction(25)
"""Frames per second of a video made of pictures that know no time."""


# ----------------------------------------------------------------------------------------------------- threads


# ----------------------------------------------------------------------------------------------------- reading


# ----------------------------------------------------------------------------------------------------- videos


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ImportError("videos need the package PyAV: pip install 'impasto[video]'") from error
    return av


READERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf"
"""Containers by FFmpeg's names.  Others, such as playlists, could make a file open further files."""

ITU709 = 1  # of FFmpeg's colour spaces, primaries and transfer curves alike
UNSPECIFIED = 2
HIGH_DYNAMIC_RANGE = (16, 18)  # PQ and HLG, of its transfer curves
HIGH_DEFINITION = 720  # lines from which a video that does not say so is in BT.709, as players assume


class Video:
    """A video file; iterating decodes its frames, upright, as pictures that know their time.

    Args:
        path: MP4, MOV, MKV, WebM, AVI, MPEG, Ogg, FLV or WMV.
        max_pixels: refuse larger frames before decoding them.

    Attributes:
        fps: frames per second, on average.
        count: how many frames it says it has; 0 if it does not say.
        aspect: width of a stored pixel relative to its height.
        time_base: seconds in which its times are counted.
        sound: whether it has an audio track.

    Raises:
        ImportError: PyAV is not installed; says what to type.
        PictureError: not a video, damaged, empty or too large.
        FileNotFoundError: no such file.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> None:
        av = _av()
        self.path = _existing(path)
        self._max_pixels = max_pixels
        if not self.path.stat().st_size:
            raise PictureError(f"'{self.path}' is empty; get a fresh copy of the file")
        with self._decoding(), self._open() as container:
            stream = container.streams.video[0]
            self.fps: Fraction = stream.average_rate or stream.guessed_rate or FPS
            self.time_base: Fraction = stream.time_base
            self.aspect: Fraction = stream.sample_aspect_ratio or Fraction(1)
            seconds = container.duration / av.time_base if container.duration else 0
            self.count: int = stream.frames or round(seconds * self.fps)
            self.sound = bool(container.streams.audio)

    def _open(self) -> Any:
        container = _av().open(str(self.path), options={"format_whitelist": READERS})
        if not container.streams.video:
            found = ", ".join(stream.type for stream in container.streams) or "nothing that can be read"
            container.close()
            raise PictureError(f"'{self.path}' holds no video, only {found}; get a fresh copy, or give a video")
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
            f"'{self.path}' is {height}×{width}, {width * height:,} pixels a frame, over the limit of "
            f"{self._max_pixels:,}; if you trust the file: max_pixels={width * height}"
        )

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except _av().FFmpegError as error:
            raise PictureError(
                f"'{self.path}' could not be decoded: {error.strerror or error}; it is no video, damaged, "
                "cut short or of a rare kind. Get a fresh copy, or convert it to MP4 (H.264)"
            ) from error

    def __iter__(self) -> Iterator[Picture]:
        number, end = 0, Fraction(0)
        with self._decoding():
            container = self._open()
        with closing(container):
            frames = container.decode(container.streams.video[0])
            while True:
                with self._decoding():
                    frame = next(frames, None)
                    if frame is None:
                        break
                    if frame.is_corrupt:
                        raise PictureError(f"'{self.path}' is damaged here; get a fresh copy")
                    array, turns = self._upright(frame)
                number += 1
                time = end if frame.pts is None else frame.pts * (frame.time_base or self.time_base)
                end = time + 1 / self.fps
                aspect = 1 / self.aspect if turns % 2 else self.aspect
                meta = Metadata(file=str(self.path), frame=number, time=time, aspect=aspect, video=self)
                yield read(array).replace(meta=meta)
        if not number:
            raise PictureError(f"'{self.path}' has no frames; get a fresh copy of the file")
        if number < self.count - self.fps:
            warnings.warn(
                f"'{self.path}' says it has {self.count} frames and ends after {number}: it is cut short", stacklevel=2
            )

    def _upright(self, frame: Any) -> tuple[npt.NDArray[np.uint8], int]:
        """Return a frame's colours (H, W, 3), turned as its file says, and by how many quarters."""
        if frame.height * frame.width > self._max_pixels:
            raise self._too_large(frame.height, frame.width)
        if frame.color_trc in HIGH_DYNAMIC_RANGE:
            warnings.warn(
                f"'{self.path}' has a high dynamic range, which is read as if it were an ordinary video: pale\n"
                "  what would work: convert it to BT.709 first",
                stacklevel=2,
            )
        guessed = frame.colorspace == UNSPECIFIED and frame.height >= HIGH_DEFINITION
        array = frame.reformat(format="rgb24", src_colorspace=ITU709 if guessed else None).to_ndarray()
        turns = round(frame.rotation / 90)
        return np.ascontiguousarray(np.rot90(array, turns)), turns

    def packets(self) -> Iterator[Any]:
        """Iterate over the packets of the first audio track."""
        with self._decoding(), closing(self._open()) as container:
            yield from (packet for packet in container.demux(container.streams.audio[0]) if packet.dts is not None)


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
    that plays, under the name that `interrupted` gives.  Frames that come from a video keep its times, the shape
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
        self._library = _av()
        self.path = Path(path).expanduser()
        if self.path.suffix.lower() not in WRITABLE:
            raise PictureError(
                f"'{self.path}' ends in '{self.path.suffix}', which names no video that can be written; "
                f"end it in one of {', '.join(WRITABLE)}"
            )
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise FileNotFoundError(f"'{self.path}' is a folder, or in one that is not there; give a file")
        if fps is not None and not 0 < fps <= 1000:
            raise ValueError(f"fps = {fps} should be above 0 and at most 1000")
        self._fps = None if fps is None else Fraction(fps).limit_denominator(1001)
        self._keep = {Path(file).expanduser().resolve() for file in keep}
        self._part = self.path.with_name(f".{self.path.stem}.{os.getpid()}{self.path.suffix}")
        self._container: Any = None
        self._stream: Any = None
        self._last = -1

    def __enter__(self) -> Self:
        interrupted(self.path).unlink(missing_ok=True)
        return self

    def write(self, picture: Picture) -> None:
        """Add a frame."""
        try:
            self._write(picture)
        except self._library.FFmpegError as error:
            raise PictureError(
                f"'{self.path}' could not be written: {error.strerror or error}; "
                "check the folder's permissions and the space left, or end the name in .mkv"
            ) from error

    def _write(self, picture: Picture) -> None:
        if self._container is None:
            self._begin(picture)
        if picture.size != self._size:
            warnings.warn(
                f"'{self.path}': frames of {picture.size[0]}×{picture.size[1]} are resized to"
                f" {self._size[0]}×{self._size[1]}, the first one's size, since a video has one",
                stacklevel=2,
            )
            resized = F.interpolate(picture.tensor, self._size, mode="bicubic", antialias=True).clamp(0, 1)
            picture = Picture(resized)
        pixels = _quantise(picture, 8, keep_alpha=False)
        height, width = self._size
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._library.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=ITU709)
        frame.colorspace = frame.color_primaries = frame.color_trc = ITU709
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
            self._keep.add(Path(first.meta.file).expanduser().resolve())
        if self.path.resolve() in self._keep:
            raise PictureError(f"'{self.path}' is what the frames were made from; give another name")
        self._timed = video is not None and self._fps is None
        self._rate = self._fps or (video.fps if video else FPS)
        self._unit = video.time_base if video and self._timed else 1 / self._rate
        self._start = first.meta.time or Fraction(0)
        self._size, self._count = first.size, 0
        height, width = (side + side % 2 for side in self._size)
        if (height, width) != self._size:
            warnings.warn(
                f"'{self.path}' is {height}×{width}: the last row or column of frames of"
                f" {self._size[0]}×{self._size[1]} is repeated, since videos have even sides",
                stacklevel=3,
            )
        codec, options = self._encoder()
        self._container = self._library.open(str(self._part), "w")
        self._stream = self._container.add_stream(codec, rate=self._rate, options=options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = self._unit
        context.colorspace = context.color_primaries = context.color_trc = ITU709
        context.sample_aspect_ratio = first.meta.aspect or Fraction(1)
        self._sound: Iterator[Any] = iter(())
        self._packet: Any = None
        if video is not None and video.sound:
            self._open_sound(video)

    def _encoder(self) -> tuple[str, dict[str, str]]:
        """Return the name and options of the first encoder that this build of FFmpeg has."""
        wanted = ENCODERS.get(self.path.suffix.lower(), ENCODERS[""])
        for name, options in wanted:
            try:
                self._library.codec.Codec(name, "w")
            except ValueError:
                continue
            if name != wanted[0][0]:
                warnings.warn(f"'{self.path}': encoded by {name}, since {wanted[0][0]} is not there", stacklevel=4)
            return name, options
        names = " or ".join(name for name, _ in wanted)
        raise PictureError(
            f"'{self.path}' cannot be written: this PyAV has no encoder {names}; pip install --upgrade av, or end the"
            " name in .mp4"
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
        warnings.warn(f"'{self.path}' is without the sound of '{video.path}': {reason}", stacklevel=4)

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
            os.replace(self._part, self.path if error is None else interrupted(self.path))
        except (self._library.FFmpegError, OSError) as failure:
            if error is None:
                raise PictureError(f"'{self.path}' could not be finished: {failure}") from failure
        finally:
            self._part.unlink(missing_ok=True)
        return False


def interrupted(path: Path) -> Path:
    """Return the name under which a video that was interrupted is kept: `clip.interrupted.mp4`."""
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")


# ----------------------------------------------------------------------------------------------------- writing


class _Sink(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]: ...
    def write(self, picture: Picture) -> object: ...


class _Folder:
    """Write pictures to a folder, named as their files, or else by their numbers."""

    def __init__(self, path: Path, suffix: str, keep: Iterable[str | Path]) -> None:
        self._path, self._suffix, self._keep = path, suffix, tuple(keep)
        self._names: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._path.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        return False

    def write(self, picture: Picture) -> None:
        file = None if picture.meta.video is not None else picture.meta.file
        name = Path(file).stem if file else f"frame-{picture.meta.frame or len(self._names) + 1:06}"
        if name in self._names:
            raise PictureError(f"'{self._names[name]}' and '{file}' would both be written to '{name}{self._suffix}'")
        self._names[name] = file
        picture.save(self._path / f"{name}{self._suffix}", keep=self._keep)


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
) -> int:
    """Write frames to a video file or a folder, by a thread of its own, as they come.

    Args:
        frames: pictures, such as `pipe.stream("clip.mp4", style)` gives.
        out: a video file (see `VideoFile`), or a folder, which is made: there a picture is named as its file, and
            one without a file by its number, `frame-000001.png`.
        fps: of a video, frames per second; None keeps the times of the video that the frames are from, else 25.
        suffix: of the pictures in a folder.
        behind: frames that may wait to be written, which bounds the memory.
        shown: whether to draw a progress bar with frames per second.
        total: how many frames there are, for the bar.
        keep: files that must survive; those that the frames were read from always do.

    Returns:
        How many frames were written.

    Raises:
        FrameError: a frame could not be read, painted or written; names it.  What was written stays; of a video it
            is closed, plays, and has the name that `interrupted` gives, as after an interruption.

    Example:
        >>> import tempfile, impasto
        >>> photos = [impasto.samples.content("astronaut", 64), impasto.samples.content("cat", 64)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(impasto.Pipeline().stream(photos), folder)
        2
    """
    path = Path(out).expanduser()
    sink: _Sink = VideoFile(path, fps, keep) if path.suffix.lower() in VIDEOS else _Folder(path, suffix, keep)
    number = count(1)
    written = 0

    def save(picture: Picture) -> None:
        counted = next(number)
        meta = picture.meta.replace(frame=picture.meta.frame or counted)
        try:
            sink.write(picture)
        except Exception as error:
            raise FrameError(f"{_name(meta)}: {_said(error)}") from error

    steps = iter(frames)
    bar = tqdm(total=total or None, unit=" frames", disable=not shown, bar_format=BAR)
    reading = closing(steps) if isinstance(steps, Generator) else nullcontext()
    with bar, sink, reading, written_behind(save, behind) as put:
        for picture in steps:
            put(picture)
            written += 1
            bar.update()
    return written


BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""tqdm's own, but for a rate that never turns into seconds per frame."""
