"""Files found by name, folder and pattern."""

import os
import re
from pathlib import Path

import pytest

from impasto.errors import PictureError
from impasto.files import (
    existing_file,
    expand,
    files_in,
    local_path,
)
from impasto.picture import read, read_recipe
from impasto.training import pictures


def test_a_file_that_is_not_there_is_guessed(tmp_path):
    assert existing_file(tmp_path / "photo.png") == tmp_path / "photo.png"
    with pytest.raises(FileNotFoundError, match=r"did you mean '.*photo\.png'"):
        existing_file(tmp_path / "foto.png")
    with pytest.raises(PictureError, match="download"):
        existing_file("https://example.org/photo.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes that are files")
def test_what_could_be_read_for_ever_is_not_opened(tmp_path):
    pipe, link, device = tmp_path / "pipe.png", tmp_path / "link.png", tmp_path / "device.png"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, link, device, "/dev/zero", "/dev/tty"):
        for look in (existing_file, read, read_recipe):
            with pytest.raises(PictureError, match="no regular file"):
                look(path)
    if os.path.exists("/proc/self/environ"):
        with pytest.raises(PictureError, match="is empty"):
            read("/proc/self/environ")  # regular, and of no size


def test_frame_9_comes_before_frame_10(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (10, 9, 1):
        (folder / f"frame-{number}.png").touch()
    order = ["frame-1.png", "frame-9.png", "frame-10.png"]
    assert [path.name for path in expand([str(folder)])] == order
    assert [path.name for path in expand([str(folder / "*.png")])] == order


def test_files_that_no_person_calls_pictures_are_left_out(tmp_path):
    folder = tmp_path / "fold"
    (folder / "deep" / ".checkpoints").mkdir(parents=True)
    (folder / "album.png").mkdir()
    for name in ("a.png", "._a.png", ".hidden.PNG", "deep/b.PNG", "deep/._b.png", "deep/.checkpoints/c.png", "d.txt"):
        (folder / name).touch()
    assert expand([str(folder)]) == [folder / "a.png"]
    assert expand([str(folder / "*a.png")]) == [folder / "a.png"]
    assert expand([str(folder / "**" / "*.*")]) == [folder / "a.png", folder / "d.txt", folder / "deep" / "b.PNG"]
    assert expand([str(folder / "._a.png")]) == [folder / "._a.png"]  # named by itself, it is meant
    assert set(files_in(folder, {".png"}, recursive=True)) == {folder / "a.png", folder / "deep" / "b.PNG"}
    assert pictures(folder, held_back=False) == [folder / "a.png"]


def test_every_folder_is_read_by_the_function_that_leaves_them_out():
    root = Path(__file__).parents[2]
    walks = re.compile(r"\.(iterdir|rglob)\(|\b(listdir|scandir|walk)\(|[^.]glob\.i?glob\(")
    readers = {
        "core/impasto/files/finding.py",
        "core/impasto/files/part_files.py",  # looks at names of its own alone
        "core/impasto/cli/plugin_commands.py",  # the sources of an installed plugin
        "core/impasto/pipeline/named_files.py",  # whatever lies in a folder is kept from being written over
        "core/impasto/weights/folders.py",  # leaves them out itself, within bounds
    }
    readers |= {
        "core/impasto/lessons/copies.py",  # files that it has written itself
        "core/impasto/web/page.py",  # files of the package
    }
    found = {
        path.relative_to(root).as_posix()
        for folder in ("core", "plugins", "examples")
        for path in (root / folder).rglob("*.py")
        if "tests" not in path.parts and walks.search(path.read_text(encoding="utf-8"))
    }
    assert found <= readers, "files.files_in leaves out what systems put beside the files of people"


def test_a_tilde_is_a_home_folder_only_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert local_path("~/x.png") == tmp_path / "x.png"
    assert str(local_path("~nobody-is-called-so.png")) == "~nobody-is-called-so.png"
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "x.png").write_text("a file of that very name")
    assert str(local_path("~/x.png")) == str(Path("~/x.png"))


def test_nobody_else_reads_a_tilde():
    root = Path(__file__).parents[2]
    sources = [*root.glob("core/**/*.py"), *root.glob("plugins/*/src/**/*.py"), *root.glob("examples/*/src/**/*.py")]
    assert [str(file) for file in sources if "expanduser" in file.read_text(encoding="utf-8")] == [
        str(root / "core" / "impasto" / "files" / "finding.py")
    ]
