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


class Overlay(impasto.Postprocessor, name="overlay"):
    """Lay a picture over."""

    file: str = impasto.param(reads=True, help="picture to lay over")

    def refine(self, image, content, styles):
        return image


class Still(Dim, name="still"):
    """Darken the picture, and look back."""

    stateful = True


@pytest.fixture(autouse=True)
def _installed(monkeypatch, tmp_path):
    offers = SimpleNamespace(
        __name__="notes",
        impasto_watchers=impasto.hookimpl(lambda: [Note, Strict], specname="impasto_watchers"),
        impasto_postprocessors=impasto.hookimpl(lambda: [Dim, Overlay, Still], specname="impasto_postprocessors"),
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
        ("note:path=out.png", "out.png: the picture would go to the file that note writes, path=out.png"),
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


PAINT = ["paint", "photo.png", "style.png", "-o", "out.png", "--with", "overlay:file=over.png"]
RUN = ["run", "dim.toml", "--content", "photo.png", "second.png", "--style", "style.png"]


@pytest.mark.parametrize(
    ("command", "file"),
    [
        *(([*PAINT, "--mask", "mask.png"], name) for name in ("photo.png", "style.png", "mask.png", "over.png")),
        *((PAINT, name) for name in ("out.png", "out.interrupted.png")),
        (["paint", "photo.png", "-o", "out.png", "--with", "dim", "--guides", "sky=mask.png"], "mask.png"),
        (["paint", "photo.png", "-o", "out.jpg", "--recipe", "--with", "dim"], "out.jpg.toml"),
        *(([*RUN, "-o", "folder"], name) for name in ("second.png", "style.png", "dim.toml", "folder/second.png")),
        *(([*RUN, "-o", "clip.gif"], name) for name in ("second.png", "dim.toml", "clip.gif", "clip.interrupted.gif")),
        (["paint", "clip.gif", "-o", "folder", "--with", "dim"], "folder/frame-000002.png"),
        (["paint", "clip.gif", "-o", "folder", "--with", "overlay:file=over.png"], "over.png"),
    ],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_no_watcher_writes_over_what_the_command_reads_or_paints(command, file, tmp_path, capsys):
    for name in ("second", "style", "mask", "over"):
        impasto.read(PHOTO).save(f"{name}.png")
    impasto.read(PHOTO).pil().save("clip.gif", save_all=True, append_images=[impasto.read(PHOTO / 2).pil()])
    (tmp_path / "folder").mkdir()
    kept = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main([*command, "--watch", f"note:path={file}"]) == 2
    assert "note" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == kept
    assert not any((tmp_path / "folder").iterdir())


def test_a_clip_says_how_many_cuts_were_found_where_a_stage_looks_back(capsys):
    for name, shots in (("astronaut", 3), ("coffee", 2)):
        for frame in range(shots):
            impasto.read(impasto.samples.content(name, 32)[..., :20, :]).save(f"{name}-{frame}.png")
    impasto.Pipeline(Still()).save("still.toml")
    pictures = ["--content", *(f"astronaut-{i}.png" for i in range(3)), "coffee-0.png", "coffee-1.png", "-o", "out.gif"]
    assert main(["run", "still.toml", *pictures]) == 0
    assert "frames per second, 1 cut found\n" in capsys.readouterr().out
    assert main(["run", "dim.toml", *pictures]) == 0
    assert "cut" not in capsys.readouterr().out
    assert main(["run", "still.toml", "--content", "astronaut-0.png", "astronaut-1.png", "-o", "out.gif"]) == 0
    assert "frames per second, no cuts found\n" in capsys.readouterr().out
