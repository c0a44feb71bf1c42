"""Targets: an input is never an output, by whatever name."""

import os

import pytest

from impasto.errors import PictureError
from impasto.files import (
    check_target,
    check_targets,
    make_folder,
)


@pytest.mark.parametrize("how", ["same", "dots", "link", "hard link"])
def test_an_input_is_no_target_by_whatever_name(how, tmp_path):
    target = tmp_path / "out.png"
    if how == "link":
        target.symlink_to("photo.png")
    elif how == "hard link":
        os.link("photo.png", target)
    else:
        target = tmp_path / ("photo.png" if how == "same" else f"../{tmp_path.name}/photo.png")
    with pytest.raises(PictureError, match="one of the inputs"):
        check_target(target, ["style.png", "photo.png"])
    check_target(tmp_path / "new.png", ["style.png", "photo.png"])


def test_a_target_needs_a_folder_and_is_none(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder\n.*painted\.png"):
        check_target(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_target(tmp_path / "nowhere" / "out.png")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_targets([tmp_path / "new.png", tmp_path / "nowhere" / "out.png"])


def test_a_folder_is_not_made_where_a_file_stands(tmp_path):
    for path in (tmp_path / "photo.png", tmp_path / "photo.png" / "below"):
        with pytest.raises(FileExistsError, match="is a file"):
            make_folder(path)
