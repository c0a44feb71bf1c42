"""Frames from folders, iterators and videos, in order."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import FrameError, StageError
from ..files import VIDEOS, expand, local_path
from ..picture import Metadata, Picture, picture_suffixes, read
from ..picture.decoding import file_content, source_file, stream_content
from .animation_reading import animation
from .video_reading import Video


def frame_source(source: Any, max_pixels: int | None) -> Iterable[Any]:
    """Return the frames of a folder, pattern, video, animation, batch or iterable, each something `read` takes.

    Raises:
        TypeError: none of these.
        ValueError: a folder or pattern without pictures.
    """
    if isinstance(source, (str, os.PathLike)):
        path = local_path(source)
        if path.suffix.lower() in VIDEOS and not path.is_dir():
            return Video(path, max_pixels=max_pixels)
        files = expand([str(source)], picture_suffixes)
        if not path.is_file():
            return files
        source = _held(file_content(path, max_pixels), str(path))
    elif hasattr(source, "read"):
        name = source_file(source)
        source = _held(stream_content(source, name or "the open file", max_pixels), name)
    if isinstance(source, (bytes, io.BytesIO, Image.Image)):
        return animation(source, max_pixels) or [source]
    if isinstance(source, (Picture, torch.Tensor, np.ndarray)):
        return [source]
    if not isinstance(source, Iterable):
        raise TypeError(
            f"frames: expected a source of pictures, found {type(source).__name__}\n"
            "  what would work: a folder of pictures, a video file, an animation, or a list or generator of pictures"
        )
    return source


def _held(data: bytes, name: str | None) -> io.BytesIO:
    """Return the bytes of a file, opened for whoever reads them, with the name over which nothing is written."""
    held = io.BytesIO(data)
    held.name = name
    return held


def read_frames(frames: Iterable[Any], max_pixels: int | None) -> Iterator[Picture]:
    """Return pictures read frame after frame, as they are asked for, with their numbers, from 1.

    Raises:
        FrameError: a frame could not be read; names it.
    """
    number = 0
    given: Any = None
    steps = iter(frames)
    while True:
        try:
            given = None
            given = next(steps)
            pictures = list(read(given, max_pixels=max_pixels))
        except StopIteration:
            return
        except FrameError:
            raise
        except Exception as error:
            file = str(given) if isinstance(given, (str, os.PathLike)) else source_file(given)
            raise frame_error(Metadata(file=file, frame=number + 1), error) from error
        for picture in pictures:
            number += 1
            yield picture.replace(meta=picture.meta.replace(frame=number))


def frame_error(meta: Metadata, error: BaseException, following: int = 0) -> FrameError:
    """Return the error that names a frame, and how many after it were in its batch, in front of what happened."""
    name = f"frame {meta.frame}" + (f" ({meta.file})" if meta.file else "")
    if following:
        name += f" and {following} after it"
    explained = isinstance(error, (StageError, ValueError, TypeError, OSError)) and str(error)
    return FrameError(f"{name}: {error if explained else f'{type(error).__name__}: {error}'}")
