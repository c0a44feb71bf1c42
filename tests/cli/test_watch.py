"""`--watch` takes watchers by name, with their parameters, for pictures and frames."""

from types import SimpleNamespace

import pytest

import impasto
from impasto.cli import main

PHOTO = impasto.samples.content("astronaut", 32)


class Note(impasto.Watcher, name="note"):
    """Note each stage in a file."""

    path: str = impasto.param(default="", writes=True, help="file for the notes")
    mark: str = impasto.param(default="-", help="what a note begins with")

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        after = yield
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(f"{self.mark} {stage.name} {canvas.meta.frame}\n")
        return after


class Strict(Note, name="strict"):
    """Ask for a value."""

    speed: int = impasto.param(low=0, high=9, help="how fast it is")


class Dim(impasto.Postprocessor, name="dim"):
    """Darken the picture."""

    def refine(self, image, content, styles):
        return image / 2


@pytest.fixture(autouse=True)
def _installed(monkeypatch, tmp_path):
    offers = SimpleNamespace(
        __name__="notes",
        impasto_watchers=impasto.hookimpl(lambda: [Note, Strict], specname="impasto_watchers"),
        impasto_postprocessors=impasto.hookimpl(lambda: [Dim], specname="impasto_postprocessors"),
    )
    host = impasto.Host(offers)
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    monkeypatch.chdir(tmp_path)
    impasto.read(PHOTO).save("photo.png")
    impasto.Pipeline(Dim()).save("dim.toml")


def notes(path="notes.txt"):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def test_a_picture_is_watched_by_several_with_their_parameters():
    watch = ["--watch", "note:path=notes.txt:mark='a, b', note", "--watch", "note:path=other.txt"]
    assert main(["paint", "photo.png", "-o", "out.png", "--with", "dim", *watch]) == 0
    assert notes() == ["a, b dim None"]
    assert notes("other.txt") == ["- dim None"]


def test_one_watcher_looks_on_at_all_pictures_of_a_run():
    impasto.read(PHOTO).save("second.png")
    pictures = ["--content", "photo.png", "second.png", "-o", "out"]
    assert main(["run", "dim.toml", *pictures, "--watch", "note:path=notes.txt"]) == 0
    assert notes() == ["- dim None"] * 2


def test_frames_are_watched_with_their_numbers():
    impasto.read(PHOTO).save("second.png")
    pictures = ["--content", "photo.png", "second.png", "-o", "out.gif"]
    assert main(["run", "dim.toml", *pictures, "--watch", "note:path=notes.txt"]) == 0
    assert notes() == ["- dim 1", "- dim 2"]


@pytest.mark.parametrize(
    ("watch", "message"),
    [
        ("not", "no installed plugin offers a watcher called 'not'"),
        ("note:path=photo.png", "note, path: photo.png: is one of the inputs"),
        ("note:path=out.png", "note, path: out.png: is where the picture goes"),
        ("note:path=no/notes.txt", "note, path: "),
        ("note:speed=3", "note has no parameter 'speed'"),
        ("note(path)", "what to type: note:parameter=value"),
        ("strict", "what to type: strict:speed=…"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_painted(watch, message, capsys, tmp_path):
    before = (tmp_path / "photo.png").read_bytes()
    assert main(["paint", "photo.png", "-o", "out.png", "--with", "dim", "--watch", watch]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()
    assert (tmp_path / "photo.png").read_bytes() == before
