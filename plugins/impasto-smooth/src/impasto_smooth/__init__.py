"""Smoothing for Impasto: filters and solvers that keep the edges of the content."""

from __future__ import annotations

import impasto
from impasto import Postprocessor

from .bilateral import BilateralSmooth, bilateral_filter
from .gradients import ScreenedPoisson, Seamless, WLSSmooth, screened_poisson, seamless, wls_smooth
from .grid_removal import Deblock, deblock
from .guided import GuidedSmooth
from .photo import PhotoSmooth, photo_smooth
from .variation import TVDenoise, tv_denoise

__all__ = [
    "BilateralSmooth",
    "Deblock",
    "GuidedSmooth",
    "PhotoSmooth",
    "ScreenedPoisson",
    "Seamless",
    "TVDenoise",
    "WLSSmooth",
    "bilateral_filter",
    "deblock",
    "photo_smooth",
    "screened_poisson",
    "seamless",
    "tv_denoise",
    "wls_smooth",
]


@impasto.hookimpl
def impasto_postprocessors() -> list[type[Postprocessor]]:
    """Offer the smoothing stages."""
    return [BilateralSmooth, Deblock, GuidedSmooth, PhotoSmooth, ScreenedPoisson, Seamless, TVDenoise, WLSSmooth]
