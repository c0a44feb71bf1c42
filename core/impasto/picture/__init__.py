"""Pictures: read from whatever people have, and written with what came with them."""

from ..files import check_target, check_targets
from .embedded_recipe import read_recipe
from .formats import MAX_PIXELS, check_format
from .metadata import Interrupted, Metadata
from .picture import Picture, write
from .reading import read
from .writing import files_written

__all__ = [
    "MAX_PIXELS",
    "Interrupted",
    "Metadata",
    "Picture",
    "check_format",
    "check_target",
    "check_targets",
    "files_written",
    "read",
    "read_recipe",
    "write",
]
