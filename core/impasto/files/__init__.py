"""Files: found by name, folder and pattern, and written whole or not at all, never over an input."""

from .finding import PICTURES, VIDEOS, check_name, existing_file, expand, files_in, local_path, natural_order, sha256
from .part_files import PartFile, part_path, write_atomically, write_error
from .targets import check_folder, check_target, check_targets, is_among, make_folder

__all__ = [
    "PICTURES",
    "VIDEOS",
    "PartFile",
    "check_folder",
    "check_name",
    "check_target",
    "check_targets",
    "existing_file",
    "expand",
    "files_in",
    "is_among",
    "local_path",
    "make_folder",
    "natural_order",
    "part_path",
    "sha256",
    "write_atomically",
    "write_error",
]
