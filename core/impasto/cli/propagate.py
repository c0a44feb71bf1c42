"""`impasto propagate`: a clip painted from its key frames, by the plugin impasto-video."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from ..errors import ParameterError
from ..picture import Picture
from ..pipeline import Pipeline
from ..stream import write
from .errors import DONE


def execute(given: argparse.Namespace) -> int:
    """Paint the key frames, carry their strokes to the others, and write the clip.

    Raises:
        ImportError: the plugin is not installed.
        ParameterError: there is nothing to paint from.
    """
    try:
        video: Any = importlib.import_module("impasto_video")
    except ImportError as error:
        raise ImportError(
            "propagate: needs the plugin impasto-video\n  what to type: pip install impasto-video"
        ) from error
    keys = {} if given.keys is None else video.key_files(given.keys)
    if given.style is None and not keys:
        raise ParameterError(
            "propagate: there is neither a painting nor a painted frame to begin with\n"
            "  what to type: impasto propagate clip.mp4 painting.jpg -o out.mp4; or --keys FOLDER, painted by hand"
        )
    pipeline = Pipeline.parse(given.stages)

    def paint(frame: Picture) -> Picture:
        return pipeline(frame, given.style)

    painted = video.propagate(given.clip, None if given.style is None else paint, every=given.every, keys=keys)
    own = [given.clip, *filter(None, [given.style]), *keys.values()]
    write(painted, given.out, shown=True, keep=own)
    return DONE
