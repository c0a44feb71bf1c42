"""Pictures written: the whole file or nothing, and nothing that is kept is overwritten."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import PictureError
from impasto.picture import Picture, read, write

from .example_files import RGB, levels


@pytest.mark.parametrize("how", ["path", "link", "hardlink", "dots"])
def test_the_file_a_picture_came_from_is_never_overwritten(tmp_path, how):
    source = tmp_path / "content.png"
    Image.fromarray(RGB).save(source)
    before = source.read_bytes()
    target = {"path": source, "dots": tmp_path / ".." / tmp_path.name / "content.png"}.get(how, tmp_path / "o.png")
    if how == "link":
        target.symlink_to(source)
    if how == "hardlink":
        os.link(source, target)
    with pytest.raises(PictureError, match="made from"):
        read(source).save(target)
    with pytest.raises(PictureError, match="made from"):
        write(read(RGB), target, keep=[source])
    with open(source, "rb") as stream, pytest.raises(PictureError, match="made from"):
        read(stream).save(target)
    assert source.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = read(RGB).save(tmp_path / "a.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        read(RGB[::-1]).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_new_files_have_ordinary_permissions_and_links_stay_links(tmp_path):
    (tmp_path / "plain").touch()
    real = read(RGB).save(tmp_path / "real.png")
    assert real.stat().st_mode == (tmp_path / "plain").stat().st_mode
    link = tmp_path / "link.png"
    link.symlink_to(real)
    read(RGB[::-1]).save(link)
    assert link.is_symlink()
    assert (levels(read(real)) == RGB[::-1]).all()


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("a.xyz", {}, PictureError, ".png"),
        ("a", {}, PictureError, ".png"),
        ("a.jpg", {"bits": 16}, PictureError, "bits=8"),
        ("a.png", {"bits": 12}, PictureError, "bits=16"),
        ("a.jpg", {"quality": 0}, PictureError, "1 to 100"),
        ("nowhere/a.png", {}, FileNotFoundError, "no folder"),
        ("folder.png", {}, IsADirectoryError, "is a folder"),
        ("there.png", {"overwrite": False}, FileExistsError, "overwrite=True"),
        ("a.png", {"recipe": True}, PictureError, "recipe"),
    ],
)
def test_what_cannot_be_written_is_refused_with_advice(tmp_path, name, options, error, words):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").touch()
    with pytest.raises(error) as caught:
        read(RGB).save(tmp_path / name, **options)
    assert words in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def test_batches_and_non_finite_values_are_refused(tmp_path):
    with pytest.raises(PictureError, match=r"for i, p in enumerate\(picture\)"):
        read(np.stack([RGB, RGB])).save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="NaN"):
        Picture(torch.full((1, 3, 4, 4), torch.nan)).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
