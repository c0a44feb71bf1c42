"""Neural neighbour style transfer: each place of the picture is painted with the nearest features of the style."""

from __future__ import annotations

import impasto

from .nnst import NNST

__all__ = ["NNST"]


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the stage of this plugin."""
    return [NNST]
