"""Streams: frames in and out of folders and videos, read ahead and written behind."""

from .frames import frame_error, frame_source, read_frames
from .threads import prefetched, written_behind
from .video import Video
from .video_file import VideoFile, interrupted_path
from .writing import write

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
