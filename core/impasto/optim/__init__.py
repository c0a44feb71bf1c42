"""Optimisation: Adam and L-BFGS over the pixels of a picture, coarse to fine; and SOAP, which trains networks."""

from .descent import Descent, Objective, descend, pyramid
from .optimisers import LBFGS, Adam, Average, Optimiser
from .soap import Soap

__all__ = [
    "LBFGS",
    "Adam",
    "Average",
    "Descent",
    "Objective",
    "Optimiser",
    "Soap",
    "descend",
    "pyramid",
]
