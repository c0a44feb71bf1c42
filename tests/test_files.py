"""Files: an input is never an output, by whatever name, and what is written is whole or not there."""

import os
import re
from pathlib import Path

import pytest

from impasto.errors import PictureError
from impasto.files import check_target, check_targets, existing_file, expand, files_in, write_atomically
from impasto.picture import read, read_recipe
from impasto.training import pictures


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_text("photo")


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


def test_a_kill_or_an_error_in_the_midst_leaves_what_was_there(tmp_path):
    def interrupted(path):
        path.write_text("half")
        raise KeyboardInterrupt

    def full(path):
        raise OSError(28, "No space left on device")

    for write, error in ((interrupted, KeyboardInterrupt), (full, OSError)):
        with pytest.raises(error):
            write_atomically(tmp_path / "photo.png", write)
        assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]
        assert (tmp_path / "photo.png").read_text() == "photo"
    with pytest.raises(OSError, match=r"No space left.*\n  what would work"):
        write_atomically(tmp_path / "photo.png", full)
    write_atomically(tmp_path / "photo.png", lambda path: path.write_text("new"))
    assert (tmp_path / "photo.png").read_text() == "new"


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
    root = Path(__file__).parents[1]
    walks = re.compile(r"\.(iterdir|rglob)\(|\b(listdir|scandir|walk)\(|[^.]glob\.i?glob\(")
    readers = {
        "core/impasto/files.py",
        "core/impasto/weights/modules.py",  # looks at times alone
    }
    found = {
        path.relative_to(root).as_posix()
        for folder in ("core", "plugins", "examples")
        for path in (root / folder).rglob("*.py")
        if "tests" not in path.parts and walks.search(path.read_text(encoding="utf-8"))
    }
    assert found <= readers, "files.files_in leaves out what systems put beside the files of people"
