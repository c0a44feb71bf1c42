"""Histograms for Impasto: tones, exposure, local contrast and gamut, brought to those of another picture."""

from __future__ import annotations

import impasto
from impasto import Postprocessor

from .adaptive import EqualizeAdaptive, equalize_adaptive
from .exposure import MatchExposure, match_exposure
from .gamut import ClipGamut, clip_gamut
from .matching import MatchHistogram, match_histograms

__all__ = [
    "ClipGamut",
    "EqualizeAdaptive",
    "MatchExposure",
    "MatchHistogram",
    "clip_gamut",
    "equalize_adaptive",
    "match_exposure",
    "match_histograms",
]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer `clip-gamut`, `equalize-adaptive`, `match-exposure` and `match-histogram`."""
    return [ClipGamut, EqualizeAdaptive, MatchExposure, MatchHistogram]
