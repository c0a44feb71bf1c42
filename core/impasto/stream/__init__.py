"""Streams: frames in and out of folders and videos, read ahead and written behind."""

from .frame_reading import frame_error, frame_source, read_frames
from .frame_writing import write
from .threads import prefetched, written_behind
from .video_reading import Video
from .video_writing import VideoFile, interrupted_path

__all__ = [
    "Video",
    "VideoFile",
    "frame_error",
    "frame_source",
    "interrupted_path",
    "prefetched",
    "read_frames",
    "write",
    "written_behind",
]
