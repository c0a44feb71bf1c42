"""Files written are whole or not there, and what killed runs left is removed."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import save_file

from impasto.errors import PictureError
from impasto.files import (
    PartFile,
    check_target,
    make_folder,
    part_files,
    part_path,
    write_atomically,
)
from impasto.stream import AnimationFile, VideoFile


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
    for suffix in (*AnimationFile.suffixes, *VideoFile.suffixes, ".GIF", ".MP4"):  # by which libraries choose a format
        (tmp_path / f"{left}{suffix}").touch()
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
