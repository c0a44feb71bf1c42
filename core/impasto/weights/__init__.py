"""Weights of networks: records of files, found, verified, loaded safely and cached."""

from .finding import find
from .loading import load
from .modules import cached, check_state_dict, empty_init
from .record import Weights
from .verification import verify

__all__ = ["Weights", "cached", "check_state_dict", "empty_init", "find", "load", "verify"]
