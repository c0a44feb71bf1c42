"""Weights of networks: records of files, found, verified, loaded safely and cached."""

from .archive import open_torch
from .finding import find, needed_weights, note_needed, places, without_downloads
from .folders import regular_files
from .loading import load
from .modules import cached, check_state_dict, empty_init, freeze, shared_cache
from .record import Loader, Weights
from .tensors import check_numbers
from .verification import verify

__all__ = [
    "Loader",
    "Weights",
    "cached",
    "check_numbers",
    "check_state_dict",
    "empty_init",
    "find",
    "freeze",
    "load",
    "needed_weights",
    "note_needed",
    "open_torch",
    "places",
    "regular_files",
    "shared_cache",
    "verify",
    "without_downloads",
]
