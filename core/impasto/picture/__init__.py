"""Pictures: read from whatever people have, and written with what came with them."""

from .metadata import Interrupted, Metadata
from .picture import MAX_PIXELS, Picture, read, read_recipe, write

__all__ = ["MAX_PIXELS", "Interrupted", "Metadata", "Picture", "read", "read_recipe", "write"]
