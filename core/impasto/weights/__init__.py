"""Weights of networks: records of files, found, verified, loaded and kept."""

from .weights import Weights, find, load

__all__ = ["Weights", "find", "load"]
