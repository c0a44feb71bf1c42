"""What reading and writing of videos share of FFmpeg, which PyAV brings along."""

from __future__ import annotations

from fractions import Fraction
from types import ModuleType

FPS = Fraction(25)
"""Frames per second of a video made of pictures that know no time."""

BT709 = 1
"""Number of BT.709 among FFmpeg's colour spaces, primaries and transfer curves alike."""


def pyav() -> ModuleType:
    """Return the package PyAV.

    Raises:
        ImportError: it is not installed; says what to type.
    """
    try:
        import av  # only here: an optional package
    except ImportError as error:
        raise ImportError("videos need the package PyAV\n  what to type: pip install 'impasto[video]'") from error
    module: ModuleType = av
    return module
