"""Streams: frames in and out of folders, animations and videos, read ahead and written behind."""

from .animation_reading import Animation, animation
from .animation_writing import AnimationFile
from .cuts import CutDetector
from .frame_file import interrupted_path
from .frame_reading import frame_error, frame_source, read_frames
from .frame_writing import write
from .threads import prefetched, written_behind
from .video_reading import Video
from .video_writing import VideoFile

__all__ = [
    "Animation",
    "AnimationFile",
    "CutDetector",
    "Video",
    "VideoFile",
    "animation",
    "frame_error",
    "frame_source",
    "interrupted_path",
    "prefetched",
    "read_frames",
    "write",
    "written_behind",
]
