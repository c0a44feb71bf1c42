"""`impasto propagate`: a clip painted from its key frames."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import impasto
from impasto import Picture, PictureError

from .propagation import EVERY, propagate


def propagate_command(parser: ArgumentParser) -> Callable[[Namespace], None]:
    """Paint a clip from key frames, whose strokes are carried to the frames between."""
    parser.add_argument("clip", help="video, animation, or folder of frames")
    parser.add_argument("style", nargs="?", help="painting; without one, the frames in --keys are the only key frames")
    parser.add_argument("-o", "--output", required=True, help="video, animation or folder to write")
    parser.add_argument("--with", dest="stages", default="gatys", help="pipeline that paints key frames (%(default)s)")
    parser.add_argument("--every", type=int, default=EVERY, help="frames from key frame to key frame (%(default)s)")
    parser.add_argument("--keys", help="folder of painted frames, named by their numbers from 1: hand-0013.png")
    return _run


def _run(given: Namespace) -> None:
    keys = {} if given.keys is None else key_files(given.keys)
    if given.style is None and not keys:
        raise impasto.ParameterError(
            "propagate: there is neither a painting nor a painted frame to begin with\n"
            "  what to type: impasto propagate clip.mp4 painting.jpg -o out.mp4; or --keys FOLDER, painted by hand"
        )
    pipeline = impasto.Pipeline.parse(given.stages)

    def paint(frame: Picture) -> Picture:
        return pipeline(frame, given.style)

    painted = propagate(given.clip, None if keys and given.style is None else paint, every=given.every, keys=keys)
    own = [given.clip, *filter(None, [given.style]), *keys.values()]
    impasto.stream.write(painted, given.output, shown=True, keep=own)


def key_files(folder: str) -> dict[int, Path]:
    """Return the pictures of a folder by the number that their names end in.

    Raises:
        PictureError: no such folder, no such file in it, or one number twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "frame-000013.png").touch()
        ...     list(key_files(folder))
        [13]
    """
    found: dict[int, Path] = {}
    for file in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []:
        number = re.search(r"\d+$", file.stem)
        if number is None or file.name.startswith("."):
            continue
        if int(number[0]) in found:
            raise PictureError(
                f"{folder}: {found[int(number[0])].name} and {file.name} are both for frame {int(number[0])}\n"
                "  what would work: one picture for each frame"
            )
        found[int(number[0])] = file
    if not found:
        raise PictureError(
            f"{folder}: there are no painted frames\n"
            "  what would work: a folder of pictures whose names end in the number of their frame: frame-000001.png"
        )
    return found
