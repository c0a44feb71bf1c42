"""What no file can be called is said, in a sentence and short."""

import pytest

import impasto
from impasto import cli
from impasto.files import check_name, existing_file


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is empty"), ("c\0.png", r"the character \\0"), ("a" * 300 + ".png", "304 bytes is longer")],
)
def test_a_name_that_no_file_can_have_is_said(name, said):
    for refused in (check_name, existing_file, impasto.read, impasto.read(impasto.samples.content("cat", 16)).save):
        with pytest.raises(impasto.PictureError, match=said) as error:
            refused(name)
        assert "what would work" in str(error.value)
        assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    "words",
    [
        ["paint", "", "-o", "o.png"],
        ["paint", "a.png", "-o", ""],
        ["paint", "a.png", "", "-o", "o.png"],
        ["doctor", ""],
        ["run", "", "--content", "a.png", "-o", "o"],
        ["run", "a.toml", "--content", "", "-o", "o"],
        ["run", "a.toml", "--content", "a.png", "-o", ""],
    ],
)
def test_an_empty_name_on_the_command_line_is_said(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    impasto.read(impasto.samples.content("cat", 16)).save("a.png")
    (tmp_path / "a.toml").write_text('[[stages]]\nstage = "keep"\n')
    assert cli.main(words) == 2
    assert "the name of a file is empty" in capsys.readouterr().err


def test_a_folder_is_answered_by_what_was_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", str(tmp_path), "--content", "a.png", "-o", "o"]) == 2
    said = capsys.readouterr().err
    assert "pipeline.toml" in said
    assert "photo.jpg" not in said


@pytest.mark.parametrize("head", [b"\0\0\0\x20ftypisom", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI LIST", b"\0\0\1\xba"])
def test_a_video_given_as_a_picture_is_said_to_be_one(head):
    with pytest.raises(impasto.PictureError, match="is a video, and no picture"):
        impasto.read(head + bytes(64))
