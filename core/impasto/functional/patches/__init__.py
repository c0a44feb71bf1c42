"""Patches of maps: which patch of a source is nearest to each of a query, and what is painted from those."""

from .exact import EXACT_UP_TO
from .extraction import extract
from .field import NNF, grid
from .query import MEMORY
from .search import METHODS, METRICS, nearest
from .sharing import shared_field, style_assignment
from .synthesis import guided_synthesis

__all__ = [
    "EXACT_UP_TO",
    "MEMORY",
    "METHODS",
    "METRICS",
    "NNF",
    "extract",
    "grid",
    "guided_synthesis",
    "nearest",
    "shared_field",
    "style_assignment",
]
