"""Clips for Impasto: optical flow, painted frames that hold still, and strokes carried from key frames."""

from __future__ import annotations

import impasto
from impasto import Postprocessor
from impasto.functional.flow import flow_picture, inside, optical_flow, trusted, warp, warp_error

from .key_frames import key_files
from .propagation import between, propagate
from .steady import Steady

__all__ = [
    "Steady",
    "between",
    "flow_picture",
    "inside",
    "key_files",
    "optical_flow",
    "propagate",
    "trusted",
    "warp",
    "warp_error",
]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `steady`."""
    return [Steady]
