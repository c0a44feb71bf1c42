"""Pictures: read from whatever people have, and written with what came with them."""

from .picture import MAX_PIXELS, Picture, read, read_recipe, write

__all__ = ["MAX_PIXELS", "Picture", "read", "read_recipe", "write"]
