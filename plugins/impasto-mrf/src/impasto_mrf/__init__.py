"""Style transfer by patches: Markov random fields of deep features, and image quilting."""

from __future__ import annotations

import impasto

from .mrf import MRF
from .quilt import Quilt

__all__ = ["MRF", "Quilt"]


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the stages of this plugin."""
    return [MRF, Quilt]
