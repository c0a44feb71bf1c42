"""Streams: frames in and out of folders and videos, read ahead and written behind."""

from .threads import prefetched, written_behind
from .video import Video, VideoFile, interrupted, write

__all__ = ["Video", "VideoFile", "interrupted", "prefetched", "write", "written_behind"]
