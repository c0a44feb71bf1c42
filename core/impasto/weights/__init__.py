"""Weights of networks: records of files, found, verified, loaded safely and cached."""

from .finding import find, verify
from .loading import load
from .modules import cached, check_state_dict, empty_init
from .record import Weights

__all__ = ["Weights", "cached", "check_state_dict", "empty_init", "find", "load", "verify"]
