"""Style transfer by optimisation: Gatys, Ecker and Bethge's method and the family that grew from it."""

from __future__ import annotations

import impasto

from .dreaming import Dream
from .objective import Objective, Term
from .reconstruction import Reconstruct
from .transfer import SHARES, Gatys, Texture
from .video import GatysVideo

__all__ = ["SHARES", "Dream", "Gatys", "GatysVideo", "Objective", "Reconstruct", "Term", "Texture"]


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the stages of this plugin."""
    return [Gatys, GatysVideo, Texture, Reconstruct, Dream]
