"""No stage and no watcher writes over a file that the run reads, by whatever way it was given."""

import contextlib
from typing import ClassVar

import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import FrameError, ParameterError

PHOTO = torch.rand(1, 3, 24, 24)
FILES = ("photo.png", "style.png", "mask.png", "over.png", "frames/a.png", "frames/b.png", "nets/one.bin")


class Note(impasto.Watcher, name="note"):
    """Write a line for each stage."""

    path: str = impasto.param(default="notes.txt", writes=True, help="file for the lines")

    @impasto.hookimpl
    def impasto_run_stage(self, stage):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{stage.name}\n")


class Overlay(impasto.Stylizer, name="overlay"):
    """Lay a picture over, and keep a file of its own."""

    style = "optional"

    files: tuple[str, ...] = impasto.param(default=(), reads=True, help="pictures to lay over")
    networks: str = impasto.param(default="nets", reads=True, folders=True, help="folder of networks")
    kept: str = impasto.param(default="", writes=True, help="file to keep")

    def stylize(self, content, styles, guides):
        """Write the file that it keeps."""
        if self.kept:
            with open(self.kept, "a", encoding="utf-8") as file:
                file.write("kept\n")
        return content


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames").mkdir()
    (tmp_path / "nets").mkdir()
    for name in FILES:
        if name.endswith(".png"):
            impasto.read(torch.ones_like(PHOTO)).save(name)
        else:
            (tmp_path / name).write_bytes(b"weights")
    (tmp_path / "link.png").symlink_to("photo.png")
    return tmp_path


@contextlib.contextmanager
def nothing_changes(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def opened(name):
    with open(name, "rb") as file:
        return impasto.read(file)


def calls(*stages, **options):
    """What a run may be given, by the file that it then reads."""
    pipe = impasto.Pipeline(*stages)
    return {
        "a path": ("photo.png", lambda: pipe("photo.png", **options)),
        "a link to it": ("link.png", lambda: pipe("photo.png", **options)),
        "an absolute path": ("photo.png", lambda: pipe(impasto.files.local_path("photo.png").resolve(), **options)),
        "a picture": ("photo.png", lambda: pipe(impasto.read("photo.png"), **options)),
        "an open file": ("photo.png", lambda: pipe(opened("photo.png"), **options)),
        "an opened image": ("photo.png", lambda: pipe(Image.open("photo.png"), **options)),
        "a style": ("style.png", lambda: pipe(PHOTO, "style.png", **options)),
        "one of several styles": ("style.png", lambda: pipe(PHOTO, [PHOTO, impasto.Style("style.png")], **options)),
        "a mask": ("mask.png", lambda: pipe(PHOTO, mask="mask.png", **options)),
        "a guide": ("mask.png", lambda: pipe(PHOTO, guides={"sky": impasto.read("mask.png")}, **options)),
        "a picture to prepare": ("photo.png", lambda: pipe.prepare("photo.png", **options)),
        "a frame of a folder": ("frames/b.png", lambda: list(pipe.stream("frames", **options))),
        "a frame of a pattern": ("frames/b.png", lambda: list(pipe.stream("frames/*.png", **options))),
        "a frame of a list": ("frames/b.png", lambda: list(pipe.stream([PHOTO, "frames/b.png"], **options))),
        "the style of a stream": ("style.png", lambda: list(pipe.stream([PHOTO], "style.png", **options))),
        "a frame of a generator": ("photo.png", lambda: list(pipe.stream(iter(["photo.png"]), **options))),
    }


GIVEN = tuple(calls())
ERRORS = pytest.mark.filterwarnings("ignore::UserWarning")


@ERRORS
@pytest.mark.parametrize("given", GIVEN)
def test_a_watcher_writes_over_nothing_that_a_run_is_given(given, folder):
    file = calls()[given][0]
    with nothing_changes(folder), pytest.raises((ParameterError, FrameError), match=rf"note, path: {file}: is one of"):
        calls(Overlay(), plugins=[Note(path=file)])[given][1]()


@ERRORS
@pytest.mark.parametrize("given", GIVEN)
def test_a_stage_writes_over_nothing_that_a_run_is_given(given, folder):
    file = calls()[given][0]
    with nothing_changes(folder), pytest.raises((ParameterError, FrameError), match=rf"overlay, kept: {file}: is one"):
        calls(Overlay(kept=file))[given][1]()


@pytest.mark.parametrize("file", ["over.png", "mask.png", "nets/one.bin"])
def test_nothing_is_written_over_what_a_stage_reads(file, folder):
    stage = Overlay(files=("over.png", "mask.png"))
    with nothing_changes(folder), pytest.raises(ParameterError, match=f"note, path: {file}: is one of the inputs"):
        impasto.Pipeline(stage)(PHOTO, plugins=[Note(path=file)])
    with nothing_changes(folder), pytest.raises(ParameterError, match=f"overlay, kept: {file}: is one of the inputs"):
        impasto.Pipeline(stage, Overlay(kept=file))(PHOTO)


def test_no_two_write_one_file(folder):
    with nothing_changes(folder), pytest.raises(ParameterError, match=r"overlay would write the file that note writes"):
        impasto.Pipeline(Overlay(kept="own.txt"))(PHOTO, plugins=[Note(path="./own.txt")])


class Trained(impasto.Stylizer, name="trained"):
    """Paint with a network."""

    style = "ignored"
    known_weights: ClassVar = (impasto.Weights("net.bin", "0" * 64, 7, "MIT", "here", "a network"),)

    def stylize(self, content, styles, guides):
        return content


def test_nothing_is_written_over_the_networks_of_a_stage(folder, monkeypatch):
    (folder / "nets" / "net.bin").write_bytes(b"weights")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(folder / "nets"))
    with nothing_changes(folder), pytest.raises(ParameterError, match=r"note, path: nets/net.bin: is one of"):
        impasto.Pipeline(Trained())(PHOTO, plugins=[Note(path="nets/net.bin")])


def test_the_file_that_is_written_by_default_is_held_to_the_same(folder):
    impasto.read(PHOTO).save("notes.txt.png")
    (folder / "notes.txt.png").rename(folder / "notes.txt")
    with nothing_changes(folder), pytest.raises(ParameterError, match=r"note, path: notes.txt: is one of the inputs"):
        impasto.Pipeline(Overlay())("notes.txt", plugins=[Note()])


def test_what_is_no_input_is_written():
    impasto.Pipeline(Overlay())("photo.png", "style.png", mask="mask.png", plugins=[Note(), Note(path="more.txt")])
    with open("notes.txt", encoding="utf-8") as file:
        assert file.read() == "overlay\n"
