"""Clips for Impasto: optical flow, and painted frames that hold still."""

from __future__ import annotations

import impasto
from impasto import Postprocessor

from .flow import flow_picture, inside, optical_flow, trusted, warp, warp_error
from .steady import Steady

__all__ = ["Steady", "flow_picture", "inside", "optical_flow", "trusted", "warp", "warp_error"]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `steady`."""
    return [Steady]
