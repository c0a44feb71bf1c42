"""Pictures: read from whatever people have, and written with what came with them."""

from ..files import check_target, check_targets
from .arrays import over_white
from .cube_files import read_cube, write_cube
from .embedded_recipe import read_recipe
from .formats import MAX_PIXELS, check_format
from .masks import MaskUse, check_integers, check_levels, is_grey, is_jpeg, mask_values
from .metadata import Interrupted, Metadata
from .picture import Picture, write
from .plugin_readers import OWN_SUFFIXES, picture_suffixes, plugin_reader
from .reading import read
from .writing import files_written

__all__ = [
    "MAX_PIXELS",
    "OWN_SUFFIXES",
    "Interrupted",
    "MaskUse",
    "Metadata",
    "Picture",
    "check_format",
    "check_integers",
    "check_levels",
    "check_target",
    "check_targets",
    "files_written",
    "is_grey",
    "is_jpeg",
    "mask_values",
    "over_white",
    "picture_suffixes",
    "plugin_reader",
    "read",
    "read_cube",
    "read_recipe",
    "write",
    "write_cube",
]
