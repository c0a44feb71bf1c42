"""Optimisation of pictures: descent over pixels with L-BFGS and Adam; and SOAP, which trains networks."""

from .descent import LBFGS, Adam, Average, Descent, Optimiser, Size, descend, pyramid, resize
from .soap import Soap

__all__ = ["LBFGS", "Adam", "Average", "Descent", "Optimiser", "Size", "Soap", "descend", "pyramid", "resize"]
