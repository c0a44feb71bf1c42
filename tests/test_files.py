"""Files: an input is never an output, by whatever name, and what is written is whole or not there."""

import contextlib
import errno
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from impasto.errors import PictureError
from impasto.files import (
    PartFile,
    check_target,
    check_targets,
    existing_file,
    expand,
    files_in,
    local_path,
    make_folder,
    part_files,
    part_path,
    write_atomically,
)
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


# ------------------------------------------------------------------------------- what the system refuses


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody can write to, root neither."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    mounted = os.access(folder, os.W_OK)
    if mounted and subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder], capture_output=True).returncode:
        pytest.skip("whoever runs this may write everywhere and mount nothing")
    yield folder
    if mounted:
        subprocess.run(["umount", folder], check=True)


@contextlib.contextmanager
def full_disk():
    """Refuse to let any file grow beyond a few kilobytes, as a full disk does."""
    resource = pytest.importorskip("resource", reason="POSIX alone bounds files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_is_read_only_is_found_before_anything_is_painted(read_only):
    for refused in (check_target, PartFile, lambda path: write_atomically(path, lambda _: pytest.fail("too late"))):
        with pytest.raises(OSError, match=r"out\.png: could not be written.*\n  what would work: a folder that"):
            refused(read_only / "out.png")
    with pytest.raises(OSError, match=r"new: could not be written.*\n  what would work"):
        make_folder(read_only / "new")


@pytest.mark.parametrize(
    ("name", "words"), [("n" * 300 + ".png", "a shorter name"), ("photo.png/out.png", "no folder")]
)
def test_a_name_that_no_file_can_have_is_found_before_anything_is_painted(name, words, tmp_path):
    with pytest.raises(OSError, match=words):
        check_target(tmp_path / name)


def test_a_folder_is_not_made_where_a_file_stands(tmp_path):
    for path in (tmp_path / "photo.png", tmp_path / "photo.png" / "below"):
        with pytest.raises(FileExistsError, match="is a file"):
            make_folder(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among files")
def test_a_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="is no file"):
        write_atomically(tmp_path / "pipe", lambda path: path.write_text("new"))
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("library", ["python", "torch", "torch into an open file", "safetensors"])
def test_a_full_disk_is_said_in_plain_words_whatever_library_writes(library, tmp_path):
    weights = {"weights": torch.zeros(100_000)}

    def write(path):
        if library == "python":
            path.write_bytes(bytes(100_000))
        elif library == "torch":
            torch.save(weights, path)
        elif library == "safetensors":
            save_file(weights, path)
        else:
            with path.open("wb") as file:
                torch.save(weights, file)

    with full_disk(), pytest.raises(OSError, match=r"photo\.png: could not be written.*\n  what would work") as caught:
        write_atomically(tmp_path / "photo.png", write)
    assert caught.value.errno == errno.EFBIG
    assert "enforce" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]
    assert (tmp_path / "photo.png").read_text() == "photo"


def test_an_error_of_the_writer_that_is_not_the_disks_is_raised_as_it_is(tmp_path):
    with pytest.raises(KeyError, match="'weights'"):
        write_atomically(tmp_path / "new.pt", lambda path: {}["weights"])
    assert not (tmp_path / "new.pt").exists()


def test_files_have_the_permissions_of_any_other_file_whatever_library_writes(tmp_path):
    write_atomically(tmp_path / "new.safetensors", lambda path: save_file({"weights": torch.zeros(1)}, path))
    assert (tmp_path / "new.safetensors").stat().st_mode == (tmp_path / "photo.png").stat().st_mode


# ------------------------------------------------------------------------------------ what killed runs leave


def leave_part(folder):
    """Leave a file as a run does that is killed while it writes; return its name."""
    script = f"""
import os
from pathlib import Path
from impasto.files import write_atomically

def killed(path):
    path.write_text("half")
    print(path.name, flush=True)
    os.kill(os.getpid(), 9)

write_atomically(Path({str(folder / "out.png")!r}), killed)
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.stdout, killed.stderr
    return killed.stdout.strip()


def write_in(folder):
    part_files._remove_leftovers.cache_clear()  # as in another process
    write_atomically(folder / "out.png", lambda path: path.write_text("out"))


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a process is not asked whether it is alive")
def test_what_a_killed_run_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    left = leave_part(tmp_path)
    assert (tmp_path / left).read_text() == "half"
    folder = tmp_path / f"{left[: -len('00000000.part')]}aaaaaaaa.part"
    folder.mkdir()
    (folder / "half").touch()
    kept = [".impasto-notes.part", ".0f4e.part", f"{left}.bak", f"my{left}", ".checkpoint.pt.12"]
    for name in kept:
        (tmp_path / name).touch()
    os.symlink(tmp_path / "photo.png", tmp_path / f"{left[: -len('00000000.part')]}bbbbbbbb.part")
    write_in(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*kept, "photo.png", "out.png"])


def test_what_another_run_is_writing_is_left_alone(tmp_path):
    with (
        PartFile(tmp_path / "slow.png") as part,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as other,
    ):
        theirs = tmp_path / part.path.name.replace(f"-{os.getpid()}-", f"-{other.pid}-")
        theirs.touch()
        for path in (part.path, theirs):
            os.utime(path, (0, 0))  # paused for years
        write_in(tmp_path)
        assert part.path.exists()
        assert theirs.exists()
        part.publish()
        other.communicate()
    assert (tmp_path / "slow.png").exists()


def test_of_another_machine_only_what_is_older_than_a_day_is_removed(tmp_path):
    name = part_path(tmp_path / "out.png").name.replace(part_files._machine(), "00000000")
    young, old = tmp_path / name, tmp_path / f"{name}.mp4"
    for path in (young, old):
        path.touch()
    yesterday = time.time() - part_files.DAY - 60
    os.utime(old, (yesterday, yesterday))
    write_in(tmp_path)
    assert young.exists()
    assert not old.exists()


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
        "core/impasto/files/finding.py",
        "core/impasto/files/part_files.py",  # looks at names of its own alone
        "core/impasto/weights/folders.py",  # leaves them out itself, within bounds
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
    root = Path(__file__).parents[1]
    sources = [*root.glob("core/**/*.py"), *root.glob("plugins/*/src/**/*.py"), *root.glob("examples/*/src/**/*.py")]
    assert [str(file) for file in sources if "expanduser" in file.read_text(encoding="utf-8")] == [
        str(root / "core" / "impasto" / "files" / "finding.py")
    ]
