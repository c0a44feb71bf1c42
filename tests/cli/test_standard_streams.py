"""`-` is standard input where a picture is read, and standard output where one is written."""

import io
from pathlib import Path

import pytest

import impasto
from impasto import cli
from impasto.cli import loading


@pytest.fixture
def given(monkeypatch):
    """Give the command line bytes on standard input."""

    def given(data, terminal=False):
        stream = io.TextIOWrapper(io.BytesIO(data))
        stream.isatty = lambda: terminal
        monkeypatch.setattr("sys.stdin", stream)

    return given


@pytest.mark.parametrize("command", ["paint", "run"])
def test_a_picture_comes_in_and_goes_out_whole(command, photo, painting, given, capsysbinary):
    assert cli.main(["paint", photo, painting, "-o", "file.png", "--with", "blend"]) == 0
    capsysbinary.readouterr()
    given(Path(photo).read_bytes())
    words = ["paint", "-", painting, "--with", "blend"]
    if command == "run":
        words = ["run", "file.png", "--content", "-", "--style", painting]
    assert cli.main([*words, "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    painted = impasto.read(out)
    assert (painted.tensor == impasto.read("file.png").tensor).all()
    assert b"blend" in err if command == "paint" else b"1 painted" in err
    Path("out.png").write_bytes(out)
    assert impasto.Pipeline.load("out.png") == impasto.Pipeline.load("file.png")
    assert sorted(path.name for path in Path().iterdir()) == ["file.png", "out.png", "painting.png", "photo.png"]


def test_a_style_and_a_mask_come_in_too_and_a_folder_has_a_name_for_what_came(photo, painting, given, make):
    make("mask.png", (1, 1, 1))
    given(Path(painting).read_bytes())
    assert cli.main(["paint", photo, "-", "-o", "out.png", "--with", "blend"]) == 0
    given(Path("mask.png").read_bytes())
    assert cli.main(["paint", photo, painting, "-o", "masked.png", "--with", "blend", "--mask", "-"]) == 0
    assert Path("masked.png").read_bytes() == Path("out.png").read_bytes()
    given(Path(photo).read_bytes())
    assert cli.main(["run", "out.png", "--content", "-", "--style", painting, "-o", "folder"]) == 0
    assert Path("folder/stdin.png").exists()


def test_a_file_of_that_name_has_its_folder_before_it(photo, painting, given):
    given(b"", terminal=True)
    Path("-").write_bytes(Path(photo).read_bytes())
    assert cli.main(["paint", "./-", painting, "-o", "out.png", "--with", "blend"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("paint - painting.jpg -o out.png", "standard input is a terminal"),
        ("paint - - -o out.png --with blend", "standard input is empty, or read already"),
        ("paint - -o out.png --with blend --mask -", "standard input is empty, or read already"),
        ("paint - -o - --bits 16 --quality 101", "quality"),
        ("run - --content photo.png -o out.png", "a pipeline is not read from standard input"),
        ("run pipe.toml --content photo.png painting.png -o -", "2 pictures do not fit into standard output"),
        ("run pipe.toml --content - -o out.mp4", "frames are neither read from standard input"),
        ("run pipe.toml --content - -o out.png", "standard input: is not a picture"),
        ("paint - -o out.png --with blend", "has more than 50 bytes"),
    ],
)
def test_what_cannot_come_or_go_so_is_said(words, said, photo, painting, given, capsys, monkeypatch):
    impasto.Pipeline.parse("picky").save("pipe.toml")
    given(b"\0" * 40 if "not a picture" in said else Path(photo).read_bytes(), terminal="terminal" in said)
    if "50 bytes" in said:
        monkeypatch.setattr(loading, "MOST_BYTES", 50)
    assert cli.main(words.split()) in (1, 2)
    out, err = capsys.readouterr()
    assert said in err
    assert "\n  what " in err
    assert "1 painted" not in out
    assert not Path("out.png").exists()
    assert not Path("-").exists()


def test_doctor_looks_at_what_comes_in(photo, given, capsys):
    given(Path(photo).read_bytes())
    assert cli.main(["doctor", "-"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("standard input: picture, ")
    assert "8 × 12 pixels" in out
    given(b"no picture")
    assert cli.main(["doctor", "-"]) == 1
    assert "standard input: is not a picture" in capsys.readouterr().out
    given(b'[[stages]]\nstage = "blend"\n')
    assert cli.main(["doctor", "-"]) == 0
    assert capsys.readouterr().out.startswith("standard input: pipeline, ")
