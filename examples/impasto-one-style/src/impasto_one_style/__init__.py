"""One style learned by heart: a small network that paints in it, and its training (Johnson et al. 2016)."""

import impasto

from .painting import OneStyle
from .training import OneStyleTrainer

__all__ = ["OneStyle", "OneStyleTrainer"]


@impasto.hookimpl
def impasto_stylizers():
    return [OneStyle]


@impasto.hookimpl
def impasto_trainers():
    return [OneStyleTrainer]
