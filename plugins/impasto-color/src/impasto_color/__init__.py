"""Colour for Impasto: statistics, palettes and whole distributions of colours, given from picture to picture."""

from __future__ import annotations

import impasto
from impasto import Postprocessor, Preprocessor

from .grain import regrain
from .lut import Lut
from .moment_matching import KeepColor, MatchColor, MatchLuminance, match_moments, moments, transfer_matrix
from .palette import TransferPalette, extract_palette, transfer_palette
from .transport import TransferDistribution, transfer_distribution

__all__ = [
    "KeepColor",
    "Lut",
    "MatchColor",
    "MatchLuminance",
    "TransferDistribution",
    "TransferPalette",
    "extract_palette",
    "match_moments",
    "moments",
    "regrain",
    "transfer_distribution",
    "transfer_matrix",
    "transfer_palette",
]


@impasto.hookimpl
def impasto_preprocessors() -> list[type[Preprocessor]]:
    """Offer the stages that recolour the styles or the image."""
    return [MatchColor, MatchLuminance, TransferDistribution, TransferPalette]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `keep-color` and `lut`."""
    return [KeepColor, Lut]
