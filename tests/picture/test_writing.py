"""Pictures written: the whole file or nothing, and nothing that is kept is overwritten."""

import contextlib
import os
import tempfile

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import PictureError
from impasto.picture import Metadata, Picture, read, read_recipe, write
from impasto.picture.formats import WRITABLE

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


# ---------------------------------------------------------------------------------------------- the recipe beside


RECIPE = '[[stages]]\nstage = "blend"\n\n[made]\nseed = {seed}\n'


def painted(seed):
    picture = read(RGB)
    return picture.replace(meta=picture.meta.replace(recipe=RECIPE.format(seed=seed)))


def test_a_recipe_beside_a_picture_never_outlives_it(tmp_path):
    path = tmp_path / "a.jpg"
    beside = tmp_path / "a.jpg.toml"
    painted(1).save(path, recipe=True)
    painted(2).save(path)
    assert read_recipe(path) == RECIPE.format(seed=2)
    painted(3).save(path, recipe=False)
    assert not beside.exists()
    painted(4).save(path)
    assert not beside.exists()
    painted(5).save(path, recipe=True)
    read(RGB).save(path)  # a photograph, which nothing was painted on
    assert not beside.exists()


def test_a_pipeline_of_ones_own_beside_a_picture_is_left_alone(tmp_path):
    beside = tmp_path / "a.jpg.toml"
    for text, keep in (('[[stages]]\nstage = "mine"\n', []), (RECIPE.format(seed=1), [beside])):
        beside.write_text(text)
        painted(2).save(tmp_path / "a.jpg", keep=keep)
        assert beside.read_text() == text
    with pytest.raises(PictureError, match="one of the inputs"):
        painted(2).save(tmp_path / "a.jpg", recipe=True, keep=[beside])


def test_no_other_folder_is_needed_to_write_into_one(tmp_path, monkeypatch):
    # A full or missing /tmp is no reason not to save where there is room.
    monkeypatch.setattr(tempfile, "mkstemp", lambda *_, **__: pytest.fail("a temporary file elsewhere"))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: pytest.fail("a temporary folder elsewhere"))
    for suffix in WRITABLE:
        with contextlib.suppress(PictureError):  # of a format that this Pillow cannot write
            painted(1).save(tmp_path / f"a{suffix}", recipe=True)
    assert {"a.png", "a.jpg", "a.tiff", "a.webp"} <= set(os.listdir(tmp_path))


def test_a_pipeline_of_ones_own_beside_a_picture_is_kept(tmp_path):
    own = tmp_path / "mine.jpg.toml"
    impasto.Pipeline().save(own)
    text = own.read_text()
    assert "[made]" in text
    read(np.zeros((6, 5, 3), np.uint8)).save(tmp_path / "mine.jpg")
    assert own.read_text() == text


@pytest.mark.parametrize("quality", [np.int64(90), torch.tensor(90), 90.0])
def test_numbers_of_any_library_are_a_quality(quality, tmp_path):
    impasto.Picture(torch.rand(1, 3, 16, 16)).save(tmp_path / "a.jpg", quality=quality)
    impasto.Picture(torch.rand(1, 3, 16, 16)).save(tmp_path / "b.jpg", quality=90)
    assert Image.open(tmp_path / "a.jpg").quantization == Image.open(tmp_path / "b.jpg").quantization


@pytest.mark.parametrize("quality", ["95", None, float("nan"), 90.5, 0])
def test_what_is_no_quality_is_refused(quality, tmp_path):
    with pytest.raises(impasto.PictureError, match="should be a whole number from 1 to 100"):
        impasto.Picture(torch.rand(1, 3, 16, 16)).save(tmp_path / "a.jpg", quality=quality)


@pytest.mark.parametrize("limit", ["100000", float("nan"), 0, -5])
def test_what_is_no_number_of_pixels_is_no_limit(limit, tmp_path):
    file = impasto.Picture(torch.rand(1, 3, 16, 16)).save(tmp_path / "a.png")
    with pytest.raises(impasto.ParameterError, match=r"max_pixels = .* does not fit"):
        impasto.read(file, max_pixels=limit)


def test_a_picture_is_not_removed_as_the_checkpoint_of_its_own_name(tmp_path):
    file = tmp_path / "painted.png"
    picture = impasto.Picture(torch.rand(1, 3, 16, 16), meta=Metadata(superseded=(file, tmp_path / "other.pt")))
    (tmp_path / "other.pt").write_bytes(b"x")
    picture.save(file)
    assert file.exists()
    assert not (tmp_path / "other.pt").exists()
